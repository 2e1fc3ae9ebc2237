// Whether an engine can do its work, for people and the probes of whoever runs it. Asked when it is called, answered within
// some seconds whatever is away.
import { setTimeout as pause } from 'node:timers/promises';
import type { Executor } from '../sql/database.ts';
import { acceptsWrites } from '../sql/listen.ts';
import type { Handover } from './queue/handover.ts';
import type { QueueAdapter, QueueHealth } from './queue/adapter.ts';

const LONGEST_ANSWER_MS = 3000;

export interface EngineHealth {
  /** Everything works. */
  readonly ok: boolean;
  /** `degraded`: the queue is away, and tasks wait in Postgres until it is back. `down`: Postgres is away, or the engine does not run. */
  readonly status: 'ok' | 'degraded' | 'down';
  readonly running: boolean;
  readonly database: QueueHealth;
  /** `waiting`: wake-ups that the queue should know of and does not; null when Postgres does not say. */
  readonly queue: QueueHealth & { readonly waiting: number | null };
}

export interface HealthOptions {
  readonly database: Executor;
  readonly queue: QueueAdapter;
  readonly handover: Pick<Handover, 'trouble' | 'waiting'>;
  readonly running: boolean;
}

export async function engineHealth(options: HealthOptions): Promise<EngineHealth> {
  const { handover, running } = options;
  const [database, queue, waiting] = await Promise.all([
    answered(databaseHealth(options.database)),
    answered(options.queue.health()),
    Promise.race([handover.waiting(), tooLate(null)]).catch(() => null),
  ]);
  const { trouble } = handover;
  const queueHealth = trouble === undefined || !queue.ok ? queue : { ok: false, message: trouble };
  const isUp = database.ok && running;
  const status = isUp ? (queueHealth.ok ? 'ok' : 'degraded') : 'down';
  return { ok: status === 'ok', status, running, database, queue: { ...queueHealth, waiting } };
}

async function databaseHealth(database: Executor): Promise<QueueHealth> {
  const ok = await acceptsWrites(database);
  return { ok, message: ok ? 'Postgres answers' : 'Postgres takes no writes' };
}

/** What it says, or that it says nothing. */
export async function answered(asked: Promise<QueueHealth>): Promise<QueueHealth> {
  try {
    return await Promise.race([
      asked,
      tooLate({ ok: false, message: `no answer within ${LONGEST_ANSWER_MS / 1000} s` }),
    ]);
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

function tooLate<Answer>(answer: Answer): Promise<Answer> {
  return pause(LONGEST_ANSWER_MS, answer, { ref: false });
}
