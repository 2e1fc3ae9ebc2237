// Whether an engine can do its work, for people and the probes of whoever runs it. Asked when it is called, answered within
// some seconds whatever is away.
import { setTimeout as pause } from 'node:timers/promises';
import type { Executor } from '../sql/database.ts';
import { acceptsWrites } from '../sql/listen.ts';
import type { MixedFleet } from './mixed-fleet.ts';
import type { Handover } from './queue/handover.ts';
import type { QueueAdapter, QueueHealth } from './queue/adapter.ts';
import type { WorkerRoster } from './worker-roster.ts';

const LONGEST_ANSWER_MS = 3000;

/** `waiting`: tasks that the queue should know of and does not; null when Postgres does not say. */
type HandedHealth = QueueHealth & { readonly waiting: number | null };

export interface EngineHealth {
  /** Everything works. */
  readonly ok: boolean;
  /**
   * `degraded`: a queue is away, and tasks wait in Postgres until it is back, or the process should be restarted for a deaf
   * native handler. `down`: Postgres is away, or the engine does not run.
   */
  readonly status: 'ok' | 'degraded' | 'down';
  readonly running: boolean;
  readonly database: QueueHealth;
  readonly queue: HandedHealth;
  /** That of the Rails engine, where there is one (`railsQueue`, TREADLE_RAILS_QUEUE). */
  readonly railsQueue?: HandedHealth;
  /** What connected workers say is wrong with them: handlers in this process that are deaf. Not there while nothing is. */
  readonly workers?: QueueHealth;
}

/** A queue, and who hands tasks to it. */
interface Handed {
  readonly queue: QueueAdapter;
  readonly handover: Pick<Handover, 'trouble' | 'waiting'>;
}

export interface HealthOptions extends Handed {
  readonly database: Executor;
  readonly fleet: Pick<MixedFleet, 'rails'>;
  readonly roster: Pick<WorkerRoster, 'troubles'>;
  readonly running: boolean;
}

export async function engineHealth(options: HealthOptions): Promise<EngineHealth> {
  const { fleet, running, roster } = options;
  const [database, queue, railsQueue] = await Promise.all([
    answered(databaseHealth(options.database)),
    handedHealth(options),
    fleet.rails && handedHealth(fleet.rails),
  ]);
  const isUp = database.ok && running;
  const workers = workerTrouble(roster);
  const isFine = queue.ok && railsQueue?.ok !== false && workers === undefined;
  const status = isUp ? (isFine ? 'ok' : 'degraded') : 'down';
  const parts = { database, queue, ...(railsQueue && { railsQueue }), ...(workers && { workers }) };
  return { ok: status === 'ok', status, running, ...parts };
}

function workerTrouble({ troubles }: HealthOptions['roster']): QueueHealth | undefined {
  return troubles.length > 0 ? { ok: false, message: troubles.join('; ') } : undefined;
}

async function handedHealth({ queue, handover }: Handed): Promise<HandedHealth> {
  const [health, waiting] = await Promise.all([
    answered(queue.health()),
    Promise.race([handover.waiting(), tooLate(null)]).catch(() => null),
  ]);
  const { trouble } = handover;
  return { ...(trouble === undefined || !health.ok ? health : { ok: false, message: trouble }), waiting };
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
