// The port to the queue that brings tasks back to us. The engine decides whether and when a task runs; an adapter decides
// how. The queue is a wake-up and Postgres the truth: a lost or doubled message can never lose or double a step.
import type { EnqueueReason } from '../../core/vocabulary.ts';
import type { Executor } from '../../sql/database.ts';

/** One wake-up on its way to the queue. */
export interface TaskJob {
  readonly task_id: number;
  /** Not before this instant (the clock of Postgres); undefined: at once. */
  readonly run_at: Date | undefined;
  readonly reason: EnqueueReason;
  /**
   * A later job with the same key replaces one that waits: it always carries the earliest instant. The key is free as soon as its
   * delivery begins, so that what comes meanwhile is delivered too.
   */
  readonly dedupe_key: string;
  /** Of jobs that wait together the highest goes first, where the queue can do that. -100 to 100, 0 for most. */
  readonly priority: number;
  /** Under which this wake-up is found in the logs of the queue and its workers. */
  readonly correlation_id: string;
}

/** Called by the adapter when a job is due. It rejects when the task could not be started: the queue tries again. */
export type RunTask = (taskId: number) => Promise<void>;

export interface QueueHealth {
  readonly ok: boolean;
  /** One line for people: what the queue is, or what is wrong with it. */
  readonly message: string;
}

export interface QueueAdapter {
  readonly name: string;
  /** False when jobs vanish with the process: the engine then wakes all unfinished tasks when it starts. */
  readonly durable: boolean;
  /** How far ahead of its time a job may be given to the queue, in ms; until then it waits in Postgres. Default: any time. */
  readonly longestDelayMs?: number;
  /** The adapter has said in the log that its server is away, and will say that it is back: the engine need not. Default: false. */
  readonly hasSaidAway?: boolean;
  /**
   * Prepares what the queue needs (its schema, its connection). Safe to call twice and by two processes at once. Throws
   * `queue_unavailable` within some seconds when the queue does not answer.
   */
  install(): Promise<void>;
  /**
   * All of them or an error: after an error (`queue_unavailable`, within some seconds) the same jobs come again, so that some
   * may be enqueued twice.
   */
  enqueue(jobs: readonly TaskJob[]): Promise<void>;
  /** Only of queues that live in this Postgres: the jobs commit or vanish with the transaction. */
  enqueueInTransaction?(tx: Executor, jobs: readonly TaskJob[]): Promise<void>;
  /** Begins to deliver. Where workers of the queue's own call RunTask over gRPC, there is nothing to begin. */
  start(runTask: RunTask): Promise<void>;
  /**
   * A job comes due in so many ms (0: it is due, and has not been delivered). Only of queues that would find it by polling:
   * they need not poll while nothing is due.
   */
  jobDueIn?(ms: number): void;
  /**
   * An engine has died: what it had fetched may go to others. Only of queues that keep such jobs for their consumer; what is delivered
   * twice because of that does no harm.
   */
  consumersDied?(): void;
  /** Stops delivering; jobs that are being delivered may end. */
  stop(): Promise<void>;
  /** Within about a second, and never an error: what is wrong is what it says. */
  health(): Promise<QueueHealth>;
}

/** The key under which the wake-ups of a task replace each other. */
export function dedupeKey(taskId: number): string {
  return `treadle:task:${taskId}`;
}
