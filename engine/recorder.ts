// Turns outcomes into rows and writes them, many steps of many tasks in one statement. An outcome is never dropped: while
// Postgres is away it waits here, and one that Postgres refuses as data becomes a failure of its own step alone. It counts
// once: when the answer to a recording was lost, the second sending finds out that the first went through.
import type { Logger } from 'pino';
import { TreadleError } from '../core/errors.ts';
import type { FailedOutcome, Outcome } from '../core/outcome.ts';
import { retryDelaySeconds } from '../core/retry.ts';
import type { Executor } from '../sql/database.ts';
import {
  recordedOutcomes,
  recordOutcomes,
  type HandOver,
  type OutcomeRow,
  type Recorded,
} from '../sql/outcomes.ts';
import type { WorkerIdentity } from '../sql/steps.ts';
import type { ClaimedStep, ClaimedTask } from '../sql/delivery.ts';
import { Batcher } from './batcher.ts';
import type { Loan } from './claim-loop.ts';
import { isAway } from './outage.ts';
import type { Slots } from './running-claim.ts';

/** Larger batches lock more tasks for longer and win nothing more. */
const OUTCOMES_AT_ONCE = 500;
/** Two statements at once keep two cores of the server busy; one for few outcomes would only split what one commit can do. */
const LANES = 2;
const WORTH_A_LANE = 50;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** SQLSTATEs after which the same statement can simply be sent again: deadlock, serialization failure. */
const TRY_AGAIN = new Set(['40P01', '40001']);

interface Finished {
  readonly worker: WorkerIdentity;
  readonly task: ClaimedTask;
  readonly row: OutcomeRow;
  readonly slots?: Pick<Slots, 'waiting'> | undefined;
}

export interface RecorderOptions {
  readonly database: Executor;
  readonly log: Logger;
  /** Told of every statement that went through. */
  readonly onRecorded: (recorded: Recorded) => void;
  /** Takes children of the recorded steps for this process; absent where it takes none. */
  readonly successors?: Successors;
  /** Resolves after a pause; replaced by tests. */
  readonly pause: (ms: number) => Promise<void>;
  /** Resolves when Postgres takes statements again, or when the signal aborts. */
  readonly outageOver?: (error: unknown, signal: AbortSignal) => Promise<void>;
}

/** What a recording may claim, and whoever lent it the slots for that. */
export interface Order extends HandOver {
  readonly loan: Loan;
}

/** Children that are claimed in the statement which records their parents. */
export interface Successors {
  /** What may be claimed when so many steps have ended. Every order ends in arrived or lost. */
  readonly order: (ended: number) => Order;
  /** `asked`: performance.now() when the statement was sent. */
  readonly arrived: (
    order: Order,
    asked: number,
    worker: WorkerIdentity,
    steps: readonly ClaimedStep[],
  ) => void;
  /** The answer was lost. */
  readonly lost: (order: Order) => void;
}

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #batcher: Batcher<Finished, boolean>;
  readonly #abandoned = new AbortController();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#batcher = new Batcher<Finished, boolean>({
      maxSize: OUTCOMES_AT_ONCE,
      lanes: LANES,
      worthALane: WORTH_A_LANE,
      keyOf: ({ task }) => task.task_id, // they would wait for the lock of their task
      run: (finished) => this.#record(finished),
    });
  }

  /** Outcomes that wait for a statement. */
  get backlog(): number {
    return this.#batcher.size;
  }

  /** Resolves when the outcome is on disk: true when it counted, false when the claim had been taken away. */
  record(
    worker: WorkerIdentity,
    step: ClaimedStep,
    outcome: Outcome,
    slots?: Pick<Slots, 'waiting'>,
  ): Promise<boolean> {
    return this.#batcher.add({ worker, task: step.task, row: outcomeRow(step, outcome), slots });
  }

  /** Gives the step back: no attempt is counted, and it is ready at once. False when it had been taken away. */
  release(worker: WorkerIdentity, step: ClaimedStep): Promise<boolean> {
    return this.#batcher.add({ worker, task: step.task, row: releaseRow(step) });
  }

  /** From now on what Postgres does not take at once is rejected: the process must end. */
  abandon(): void {
    this.#abandoned.abort();
  }

  async #record(finished: readonly Finished[]): Promise<boolean[]> {
    for (const { slots } of finished) if (slots) slots.waiting -= 1;
    const refused = new Set<number>();
    for (const batch of byWorker(finished)) {
      for (const id of await this.#write(batch)) refused.add(id);
    }
    return finished.map(({ row }) => !refused.has(row.claim_id));
  }

  async #write(batch: readonly Finished[]): Promise<readonly number[]> {
    const [first] = batch;
    if (!first) return [];
    let sentBefore = false;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const recorded = await this.#send(first.worker, batch);
        const refused = recorded.refused_claim_ids;
        const mended =
          sentBefore && refused.length > 0 ? await this.#refusedByOthers(batch, refused) : refused;
        this.#options.onRecorded(recorded);
        return mended;
      } catch (error) {
        if (!mayPass(error)) return this.#writeApart(batch, error);
        if (this.#abandoned.signal.aborted) throw error;
        sentBefore ||= isAway(error);
        await this.#wait(error, batch.length, pauseMs);
      }
    }
  }

  async #send(worker: WorkerIdentity, batch: readonly Finished[]): Promise<Recorded> {
    const { database, successors } = this.#options;
    const [order, asked] = [successors?.order(batch.length), performance.now()];
    try {
      const recorded = await recordOutcomes(
        database,
        worker,
        batch.map(({ row }) => row),
        order && { ...order, tasks: batch.map(({ task }) => task) },
      );
      // a turn later, so that the end of a step is told before the start of its children
      if (order) setImmediate(() => successors?.arrived(order, asked, worker, recorded.claimed));
      return recorded;
    } catch (error) {
      if (order) successors?.lost(order);
      throw error;
    }
  }

  async #wait(error: unknown, outcomes: number, pauseMs: number): Promise<void> {
    const { log, pause, outageOver } = this.#options;
    if (!isAway(error)) log.warn({ err: error, outcomes }, 'outcomes wait to be recorded');
    await pause(pauseMs);
    if (isAway(error)) await outageOver?.(error, this.#abandoned.signal);
  }

  /** Some of the refused may have been recorded by the first sending, whose answer was lost: their claims are gone by our own hand. */
  async #refusedByOthers(batch: readonly Finished[], refused: readonly number[]): Promise<readonly number[]> {
    const unsure = batch.map(({ row }) => row).filter((row) => refused.includes(row.claim_id));
    const { recorded_claim_ids, ...aftermath } = await recordedOutcomes(this.#options.database, unsure);
    const ours = new Set(recorded_claim_ids);
    const lost = refused.filter((claimId) => !ours.has(claimId));
    if (ours.size > 0) this.#options.onRecorded({ ...aftermath, refused_claim_ids: lost, claimed: [] });
    return lost;
  }

  /** Postgres refuses the batch as it is: one row of it is bad, and only that one must fail. */
  async #writeApart(batch: readonly Finished[], error: unknown): Promise<readonly number[]> {
    const [first, second] = batch;
    if (!first) return [];
    if (second) {
      const refused: number[] = [];
      for (const finished of batch) {
        refused.push(...(await this.#write([finished])));
      }
      return refused;
    }
    if (first.row.metadata['code'] === 'unstorable') throw error;
    this.#options.log.error(
      { err: error, workflow_step_id: first.row.workflow_step_id },
      'results cannot be stored',
    );
    return this.#write([{ ...first, row: unstorable(first.row, error) }]);
  }
}

function mayPass(error: unknown): boolean {
  if (!(error instanceof TreadleError)) return false;
  return error.code === 'database_unavailable' || TRY_AGAIN.has(String(error.details['sqlstate']));
}

function byWorker(finished: readonly Finished[]): Finished[][] {
  const batches = new Map<string, Finished[]>();
  for (const one of finished) {
    const key = `${one.worker.worker_id}/${one.worker.epoch}`;
    const batch = batches.get(key);
    if (batch) batch.push(one);
    else batches.set(key, [one]);
  }
  return [...batches.values()];
}

/** An outcome as the database takes it, with the wait before the next attempt by the step's own policy. */
export function outcomeRow(step: ClaimedStep, outcome: Outcome): OutcomeRow {
  const { claim_id, workflow_step_id, step_name } = step;
  if (outcome.kind === 'complete') {
    return {
      claim_id,
      workflow_step_id,
      step_name,
      event: 'complete',
      results: outcome.results_json ?? JSON.stringify(outcome.results),
      metadata: {},
      delay_ms: null,
    };
  }
  const { error, error_class, backtrace, code } = outcome;
  return {
    claim_id,
    workflow_step_id,
    step_name,
    event: 'fail',
    results: JSON.stringify({ ...outcome.results, error, error_class, backtrace }),
    metadata: { code, error_message: error, error_class },
    delay_ms: delayMs(step, outcome),
  };
}

function releaseRow({ claim_id, workflow_step_id, step_name }: ClaimedStep): OutcomeRow {
  const results = '{"error": "the engine stopped", "error_class": "Treadle::Released", "backtrace": ""}';
  const metadata = { code: 'released', triggered_by: 'treadle' };
  return { claim_id, workflow_step_id, step_name, event: 'release', results, metadata, delay_ms: 0 };
}

function delayMs(step: ClaimedStep, outcome: FailedOutcome): number | null {
  if (outcome.permanent) return null;
  return 1000 * retryDelaySeconds(step.backoff, step.attempt, outcome.retry_after_seconds);
}

function unstorable(row: OutcomeRow, error: unknown): OutcomeRow {
  const message = `the results cannot be stored: ${error instanceof Error ? error.message : String(error)}`;
  const results = JSON.stringify({ error: message, error_class: 'Treadle::Unstorable', backtrace: '' });
  return {
    claim_id: row.claim_id,
    workflow_step_id: row.workflow_step_id,
    step_name: row.step_name,
    event: 'fail',
    results,
    metadata: { code: 'unstorable', error_message: message },
    delay_ms: null,
  };
}
