// Jobs as nobody expects them, which a queue and its workers must take all the same.
import type { TaskJob } from '../../engine/queue/adapter.ts';
import { jobFor } from '../../engine/queue/trial.ts';

const oddJob = (what: string, odd: Partial<TaskJob>) => (taskId: number) => ({
  what,
  job: { ...jobFor(taskId), ...odd },
});

export const ODD_JOBS: readonly { readonly what: string; readonly job: TaskJob }[] = [
  oddJob('a correlation id in many scripts', { correlation_id: 'Bestellung-äöü-注文-طلب-🧵' }),
  oddJob('half a character in its correlation id', { correlation_id: 'a\ud83d' }),
  oddJob('control characters in its correlation id', { correlation_id: 'a\n\t\x1b[31m\x06\x16b\u2028' }),
  oddJob('quotes and format strings in its correlation id', { correlation_id: `'"\\%s%(name)s{0}` }),
  oddJob('an empty correlation id', { correlation_id: '' }),
  oddJob('a correlation id of 200,000 characters', { correlation_id: 'x'.repeat(200_000) }),
  oddJob('a huge task id', { task_id: Number.MAX_SAFE_INTEGER }),
  oddJob('a priority out of range', { priority: 1_000_000 }),
  oddJob('a priority that is no number', { priority: NaN }),
  oddJob('a priority between two numbers', { priority: 0.5 }),
  oddJob('an instant that has passed', { run_at: new Date(0) }),
].map((make, n) => make(n + 1));
