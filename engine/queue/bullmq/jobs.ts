// A wake-up as a job of BullMQ, and back. Its name and data are for people who look at the queue too.
import { UnrecoverableError, type BulkJobOptions } from 'bullmq';
import { z } from 'zod';
import type { TaskJob } from '../adapter.ts';

const NAME = 'run_task';

/** BullMQ counts tries; ours end when the task has been started. This is more than will ever be needed. */
const ATTEMPTS = 1_000_000;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 10_000;

/** In BullMQ 1 is the highest priority, and jobs without one go before all others. */
const HIGHEST = 1;
const OURS = 100;

export interface BullMqJob {
  readonly name: string;
  readonly data: { readonly task_id: number; readonly reason: string; readonly correlation_id: string };
  readonly opts: BulkJobOptions;
}

const dataSchema = z.object({ task_id: z.number().int().positive() });

/** `now`: the clock that BullMQ measures delays from, in ms. */
export function bullMqJob(job: TaskJob, now: number): BullMqJob {
  const { task_id, reason, correlation_id } = job;
  return {
    name: NAME,
    data: { task_id, reason, correlation_id },
    opts: {
      // A delayed job makes room for the later one, a waiting one stays, and while one is delivered the last that came
      // waits for its end: so none is swallowed by a delivery that no longer looks.
      deduplication: { id: job.dedupe_key, replace: true, keepLastIfActive: true },
      priority: HIGHEST + OURS - job.priority,
      ...(job.run_at ? { delay: Math.max(job.run_at.getTime() - now, 0) } : {}),
      attempts: ATTEMPTS,
      backoff: { type: 'custom' },
      removeOnComplete: true,
    },
  };
}

/** What BullMQ waits before it delivers a job again, in ms. */
export function retryDelay(attemptsMade: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.min(attemptsMade - 1, 10), LONGEST_RETRY_MS);
}

/** @throws UnrecoverableError: this job is not ours, and trying again cannot help */
export function taskIdOf(name: string, data: unknown): number {
  const read = dataSchema.safeParse(data);
  if (name === NAME && read.success) return read.data.task_id;
  const came = `${name} ${JSON.stringify(data) ?? 'nothing'}`;
  throw new UnrecoverableError(
    `expected a job ${NAME} with a task_id, came ${came.length > 200 ? `${came.slice(0, 200)}...` : came}`,
  );
}
