// A chaos run in words.
import type { ChaosResult } from './run.ts';

const MOST_FINDINGS = 50;

export function reportText(result: ChaosResult): string {
  const { seed, seconds, actions, tasks, steps, executions, lost_steps: lost, mended, findings } = result;
  return [
    `seed ${seed}, ${seconds.toFixed(0)} s: ${listOf(actions)}`,
    `tasks: ${listOf(tasks)}; ${steps} steps, ${executions} executions, ${lost} taken back from the dead`,
    ...(Object.keys(mended).length > 0 ? [`mended by the sweep: ${listOf(mended)}`] : []),
    findings.length === 0 ? 'nothing is broken' : `${findings.length} findings:`,
    ...findings.slice(0, MOST_FINDINGS).map((finding) => `  ${finding}`),
  ].join('\n');
}

function listOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}
