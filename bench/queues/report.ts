// The figures for people: the goals first, then what they rest on.
import type { Headline } from '../benchmark.ts';
import { table } from '../report.ts';
import type { QueuesResult } from './result.ts';

export function queuesText({ runs, missing, rows, goals }: QueuesResult): string {
  return [
    `queues: how tasks come to their first step, by the queue that brings them (medians of ${runs} runs, taken in turn)`,
    ...missing.map((why) => `left out: ${why}`),
    table(
      ['', 'goal', 'found', 'reached'],
      goals.map(({ what, goal, found, reached }) => [what, goal, found, reached ? 'yes' : 'NO']),
    ),
    'latency in ms, one job at a time: from being added to running',
    table(
      ['queue', 'bare p50', 'p99', 'adapter p50', 'p99', 'task to first step p50', 'p99'],
      rows.map(({ queue, bare, adapter, task }) => [
        queue,
        ...[bare, adapter, task].flatMap(({ p50_ms, p99_ms }) => [p50_ms, p99_ms]),
      ]),
    ),
    'per second, from the first that is added to the end of the last',
    table(
      ['queue', 'bare jobs', 'jobs of the adapter', 'tasks of one step'],
      rows.map(({ queue, bare, adapter, task }) => [
        queue,
        bare.per_second,
        adapter.per_second,
        task.per_second,
      ]),
    ),
  ].join('\n');
}

export function queuesHeadlines({ rows }: QueuesResult): readonly Headline[] {
  return rows.map(({ queue, task }) => [
    `tasks of one step by ${queue}, from createTask to the step`,
    `p50 ${task.p50_ms} ms, p99 ${task.p99_ms} ms, ${task.per_second.toLocaleString('en')} tasks/s`,
  ]);
}
