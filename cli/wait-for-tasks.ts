// Waits until a set of tasks has ended: one small query again and again, however many tasks there are.
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../sql/database.ts';
import { taskProgress, type IdRange, type Progress as Phase } from '../sql/reports.ts';
import type { Progress } from './progress.ts';

const POLL_MS = 250;
/** A query that takes long is asked less often, so that watching stays a small part of the load. */
const REST_PER_QUERY = 4;

export type PhaseCounts = Partial<Record<Phase, number>>;

const UNFINISHED: readonly Phase[] = ['queued', 'running', 'waiting'];

export interface Waiting {
  readonly ranges: readonly IdRange[];
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** The counts when all have ended, or when the signal aborts. */
export async function waitForTasks(
  database: Database,
  { ranges, progress, signal }: Waiting,
): Promise<PhaseCounts> {
  const startedAt = performance.now();
  let endedBefore: number | undefined;
  for (;;) {
    const askedAt = performance.now();
    const counts = await taskProgress(database, ranges);
    const ended = endedOf(counts);
    endedBefore ??= ended;
    const seconds = (performance.now() - startedAt) / 1000;
    progress.update(ended, remark(counts, seconds > 1 ? (ended - endedBefore) / seconds : undefined));
    if (unfinishedOf(counts) === 0 || signal.aborted) break;
    const rest = Math.max(POLL_MS, REST_PER_QUERY * (performance.now() - askedAt));
    await delay(rest, undefined, { signal }).catch(() => {});
  }
  progress.stop();
  return taskProgress(database, ranges);
}

export function unfinishedOf(counts: PhaseCounts): number {
  return UNFINISHED.reduce((sum, phase) => sum + (counts[phase] ?? 0), 0);
}

function endedOf(counts: PhaseCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0) - unfinishedOf(counts);
}

function remark(counts: PhaseCounts, rate: number | undefined): string {
  const phases = Object.entries(counts).filter(([, count]) => count > 0);
  const words = phases.map(([phase, count]) => `${phase} ${count}`);
  return [...words, ...(rate === undefined ? [] : [`${rate.toFixed(0)}/s`])].join('  ');
}
