// The benchmarks run and say what they promise to say. How fast they find the engine is nobody's business here.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, inject, test } from 'vitest';
import type { PeersResult } from '../../bench/peers/result.ts';

interface ThroughputDocument {
  readonly steps_per_second: number;
  readonly shapes: readonly Readonly<Record<string, unknown>>[];
}

/** The document that the benchmark prints on stdout. It works on the Postgres of the test run. */
async function bench<Document>(...args: readonly string[]): Promise<Document> {
  const { stdout } = await runBench(...args);
  return JSON.parse(stdout) as Document;
}

function runBench(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, DATABASE_URL: inject('postgres').url };
  return promisify(execFile)(process.execPath, ['--import', 'tsx', 'bench/main.ts', ...args], { env });
}

describe('the benchmarks', () => {
  test('handler says what an attempt costs beside a bare call', async () => {
    const document = await bench<Record<string, unknown>>('handler', '--quick', '--json');
    expect(document).toMatchObject({
      benchmark: 'handler',
      machine: { cores: expect.any(Number), node: process.versions.node, postgres: 'none' },
    });
    expect(document['bare_call_us']).toBeGreaterThan(0);
    expect(document['run_step_us']).toBeGreaterThan(0);
    expect(document['run_step_with_timeout_us']).toBeGreaterThan(0);
  });

  test('throughput counts the whole audit trail of a tiny run', async () => {
    const tiny = ['--quick', '--json', '--shape', 'diamond', '--tasks', '3'];
    const document = await bench<ThroughputDocument>('throughput', ...tiny);
    expect(document.steps_per_second).toBeGreaterThan(0);
    expect(document.shapes).toEqual([
      expect.objectContaining({
        shape: 'diamond',
        tasks: 3,
        steps: 12,
        edges: 12,
        transitions: 2 * (12 + 3),
      }),
    ]);
    expect(document.shapes[0]?.['tasks_created_per_second']).toBeGreaterThan(0);
    expect(document.shapes[0]?.['node_cpu_us_per_step']).toBeGreaterThan(0);
  });

  test('sweep says what looking costs, and that nothing was stuck', async () => {
    const { rows } = await bench<{ rows: readonly object[] }>('sweep', '--quick', '--json');
    expect(rows).toEqual([
      expect.objectContaining({
        steps: 10_000,
        finished_tasks: 500,
        unfinished_tasks: 500,
        pruned_tasks: 450,
      }),
    ]);
  });

  test('peers says what ran beside Treadle, how, and what it lacks', { timeout: 180_000 }, async () => {
    const only = ['--quick', '--json', '--peer', 'graphile-worker'];
    const { works, contenders } = await bench<PeersResult>('peers', ...only);
    expect(works.map(({ rows }) => rows.map(({ name, steps }) => [name, steps]))).toEqual([
      [['Treadle', 20], ['graphile-worker', 20]], // prettier-ignore
      [['Treadle', 140], ['graphile-worker', 140]], // prettier-ignore
      [['Treadle', 80]],
    ]);
    expect(works.at(-1)?.lacking).toEqual(['graphile-worker']);
    expect(contenders.map(({ keeps }) => keeps.includes('audit'))).toEqual([true, false]);
  });

  test('idle says who asks while nothing is to do, and what that costs', async () => {
    const document = await bench<Record<string, unknown>>('idle', '--quick', '--json');
    expect(document).toMatchObject({
      finished_steps: 1000,
      empty_claim_p50_ms: expect.any(Number),
      rows: [{ engines: 1 }, { engines: 2 }],
    });
  });

  test('a benchmark that does not exist ends with 2 and names those that do', async () => {
    await expect(runBench('speed')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /Allowed choices are discovery, throughput, .*handler, .*peers, all, plot/,
      ),
    });
  });
});
