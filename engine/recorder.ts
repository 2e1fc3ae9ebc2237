// Turns outcomes into rows and writes them, many steps of many tasks in one statement. An outcome is never dropped: while
// Postgres is away it waits here, and one that Postgres refuses as data becomes a failure of its own step alone.
import type { Logger } from 'pino';
import { TreadleError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { FailedOutcome, Outcome } from '../core/outcome.ts';
import { retryDelaySeconds } from '../core/retry.ts';
import type { Executor } from '../sql/database.ts';
import {
  recordOutcomes,
  type ClaimedStep,
  type OutcomeRow,
  type Recorded,
  type WorkerIdentity,
} from '../sql/steps.ts';
import { Batcher } from './batcher.ts';

/** Larger batches lock more tasks for longer and win nothing more. */
const OUTCOMES_AT_ONCE = 500;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** SQLSTATEs after which the same statement can simply be sent again: deadlock, serialization failure. */
const TRY_AGAIN = new Set(['40P01', '40001']);

interface Finished {
  readonly worker: WorkerIdentity;
  readonly row: OutcomeRow;
}

export interface RecorderOptions {
  readonly database: Executor;
  readonly log: Logger;
  /** Told of every statement that went through. */
  readonly onRecorded: (recorded: Recorded) => void;
  /** Resolves after a pause; replaced by tests. */
  readonly pause: (ms: number) => Promise<void>;
}

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #batcher: Batcher<Finished, boolean>;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#batcher = new Batcher<Finished, boolean>({
      maxSize: OUTCOMES_AT_ONCE,
      run: (finished) => this.#record(finished),
    });
  }

  /** Outcomes that wait for a statement. */
  get backlog(): number {
    return this.#batcher.size;
  }

  /** Resolves when the outcome is on disk: true when it counted, false when the claim had been taken away. */
  record(worker: WorkerIdentity, step: ClaimedStep, outcome: Outcome): Promise<boolean> {
    return this.#batcher.add({ worker, row: outcomeRow(step, outcome) });
  }

  async #record(finished: readonly Finished[]): Promise<boolean[]> {
    const refused = new Set<number>();
    for (const batch of byWorker(finished)) {
      for (const id of await this.#write(batch)) refused.add(id);
    }
    return finished.map(({ row }) => !refused.has(row.claim_id));
  }

  async #write(batch: readonly Finished[]): Promise<readonly number[]> {
    const [first] = batch;
    if (!first) return [];
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const recorded = await recordOutcomes(
          this.#options.database,
          first.worker,
          batch.map(({ row }) => row),
        );
        this.#options.onRecorded(recorded);
        return recorded.refused_claim_ids;
      } catch (error) {
        if (!mayPass(error)) return this.#writeApart(batch, error);
        this.#options.log.warn({ err: error, outcomes: batch.length }, 'outcomes wait to be recorded');
        await this.#options.pause(pauseMs);
      }
    }
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
    return this.#write([{ worker: first.worker, row: unstorable(first.row, error) }]);
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
  const { claim_id, workflow_step_id } = step;
  if (outcome.kind === 'complete') {
    return {
      claim_id,
      workflow_step_id,
      event: 'complete',
      results: outcome.results,
      metadata: {},
      delay_ms: null,
    };
  }
  const { error, error_class, backtrace, code } = outcome;
  return {
    claim_id,
    workflow_step_id,
    event: 'fail',
    results: { ...outcome.results, error, error_class, backtrace },
    metadata: { code, error_message: error, error_class },
    delay_ms: delayMs(step, outcome),
  };
}

function delayMs(step: ClaimedStep, outcome: FailedOutcome): number | null {
  if (outcome.permanent) return null;
  return 1000 * retryDelaySeconds(step.backoff, step.attempt, outcome.retry_after_seconds);
}

function unstorable(row: OutcomeRow, error: unknown): OutcomeRow {
  const message = `the results cannot be stored: ${error instanceof Error ? error.message : String(error)}`;
  const results: JsonObject = { error: message, error_class: 'Treadle::Unstorable', backtrace: '' };
  return {
    claim_id: row.claim_id,
    workflow_step_id: row.workflow_step_id,
    event: 'fail',
    results,
    metadata: { code: 'unstorable', error_message: message },
    delay_ms: null,
  };
}
