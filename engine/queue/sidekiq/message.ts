// What Sidekiq reads: one job as one JSON text, in the format of its major version, for our job class, for ActiveJob or for
// the job of the Rails engine. Pure: it knows no Redis.
import { randomBytes, randomUUID } from 'node:crypto';
import type { EnqueueReason } from '../../../core/vocabulary.ts';

/** 6 and 7 write times as seconds with a fraction, 8 as whole milliseconds. */
export const SIDEKIQ_FORMATS = [6, 7, 8] as const;
export type SidekiqFormat = (typeof SIDEKIQ_FORMATS)[number];

/**
 * Which Ruby class runs the job. `treadle`: Treadle::RunTaskJob; `active_job`: Treadle::TaskRunnerJob, in an application with
 * ActiveJob; `tasker`: Tasker::TaskRunnerJob, so that the Rails engine runs the task and not this one.
 */
export const SIDEKIQ_MODES = ['treadle', 'active_job', 'tasker'] as const;
export type SidekiqMode = (typeof SIDEKIQ_MODES)[number];

const ACTIVE_JOBS = { active_job: 'Treadle::TaskRunnerJob', tasker: 'Tasker::TaskRunnerJob' } as const;

/** Sidekiq brings its own wrapper since 7.3, writes its name since 8.0, and still knows the one of Rails. */
const WRAPPERS: Readonly<Record<SidekiqFormat, string>> = {
  6: 'ActiveJob::QueueAdapters::SidekiqAdapter::JobWrapper',
  7: 'ActiveJob::QueueAdapters::SidekiqAdapter::JobWrapper',
  8: 'Sidekiq::ActiveJob::Wrapper',
};

export interface MessageOrders {
  readonly format: SidekiqFormat;
  readonly mode: SidekiqMode;
  readonly queue: string;
  readonly task_id: number;
  /** For logs on the Ruby side, and the key in Redis that is deleted when the job begins. */
  readonly facts: MessageFacts;
  /** Undefined: it goes to the queue now. Delayed jobs are given their `enqueued_at` by Sidekiq, when they are due. */
  readonly run_at: Date | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface MessageFacts {
  readonly correlation_id: string;
  readonly reason: EnqueueReason;
  readonly pending_key: string;
}

export function sidekiqMessage(orders: MessageOrders): string {
  const { format, queue, facts, run_at } = orders;
  const time = sidekiqTime(orders.now, format);
  return JSON.stringify({
    retry: true,
    queue,
    ...work(orders),
    jid: randomBytes(12).toString('hex'),
    created_at: time,
    ...(run_at === undefined ? { enqueued_at: time } : {}),
    treadle: facts, // Sidekiq keeps keys that it does not know
  });
}

function work({ mode, format, queue, task_id, now }: MessageOrders): object {
  if (mode === 'treadle') return { class: 'Treadle::RunTaskJob', args: [task_id] };
  const wrapped = ACTIVE_JOBS[mode];
  const job = {
    job_class: wrapped,
    job_id: randomUUID(),
    provider_job_id: null,
    queue_name: queue,
    priority: null,
    arguments: [task_id],
    executions: 0,
    exception_executions: {},
    enqueued_at: new Date(now).toISOString(), // without locale and timezone: those of the application hold
  };
  return { class: WRAPPERS[format], wrapped, args: [job] };
}

/**
 * Ruby must read a Float where it expects seconds (Sidekiq 8 tells the two apart by that), and JSON has no 5.0: so half a
 * millisecond is added, and the fraction is never empty.
 */
function sidekiqTime(ms: number, format: SidekiqFormat): number {
  const whole = Math.floor(ms);
  return format === 8 ? whole : (whole + 0.5) / 1000;
}
