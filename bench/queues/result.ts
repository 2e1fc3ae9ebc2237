// The figures of the benchmark, and whether its goals are reached.
import { median, rounded } from '../measure.ts';
import type { WayRun } from './way.ts';

/** Of the queue's own latency an adapter may add so much. */
const MOST_ADDED = 0.2;
/** From createTask to the first step, with the default queue. */
const MOST_MS = 10;
const DEFAULT_QUEUE = 'graphile-worker';

export interface QueueRun {
  readonly bare: WayRun;
  readonly adapter: WayRun;
  readonly task: WayRun;
}

export interface QueueRow extends QueueRun {
  readonly queue: string;
  /** Latency of the adapter (p50) beyond that of the bare queue, as a share of it; less than 0: it is quicker. */
  readonly added: number;
}

export interface GoalRow {
  readonly what: string;
  readonly goal: string;
  readonly found: string;
  readonly reached: boolean;
}

export interface QueuesResult {
  readonly runs: number;
  /** Queues that this machine cannot run. */
  readonly missing: readonly string[];
  readonly rows: readonly QueueRow[];
  readonly goals: readonly GoalRow[];
}

/** Medians of the runs. */
export function queueRow(queue: string, runs: readonly QueueRun[]): QueueRow {
  const [bare, adapter, task] = [way(runs, 'bare'), way(runs, 'adapter'), way(runs, 'task')];
  return { queue, bare, adapter, task, added: rounded(adapter.p50_ms / bare.p50_ms - 1) };
}

export function goals(rows: readonly QueueRow[]): GoalRow[] {
  const added = rows.map((row) => ({
    what: `${row.queue}: the adapter adds`,
    goal: `< ${MOST_ADDED * 100} %`,
    found: `${Math.round(row.added * 100)} %`,
    reached: row.added < MOST_ADDED,
  }));
  const usual = rows.find(({ queue }) => queue === DEFAULT_QUEUE);
  if (!usual) return added;
  const { p50_ms } = usual.task;
  const quick = { what: `${DEFAULT_QUEUE}: createTask to first step, p50`, goal: `< ${MOST_MS} ms` };
  return [...added, { ...quick, found: `${p50_ms} ms`, reached: p50_ms < MOST_MS }];
}

function way(runs: readonly QueueRun[], name: keyof QueueRun): WayRun {
  const of = (pick: (run: WayRun) => number): number => rounded(median(runs.map((run) => pick(run[name]))));
  return {
    p50_ms: of((run) => run.p50_ms),
    p99_ms: of((run) => run.p99_ms),
    per_second: of((run) => run.per_second),
  };
}
