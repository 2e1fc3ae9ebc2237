// The step as a handler sees it. `results` can be set or changed in place; whether that happened is known without
// copying anything for the many handlers that never look at it.
import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../core/json.ts';

/** As on the wire. */
const MAX_MESSAGE_CHARS = 1024;

/** What the engine knows of a step when an attempt begins. */
export interface StepRow {
  readonly workflow_step_id: number;
  readonly name: string;
  /** 1 is the first attempt. */
  readonly attempt: number;
  readonly retry_limit: number;
  readonly inputs: Json;
  /** What an earlier attempt left behind; null when there is nothing. */
  readonly results: Json;
  /** For treadle.complete_step; absent where there is no database. */
  readonly claim_token?: string | undefined;
}

/** How far an attempt is. */
export interface AttemptProgress {
  /** From 0 to 1; undefined: unknown. */
  readonly fraction: number | undefined;
  /** For people. */
  readonly message: string;
}

/** Hears how far the attempt is; absent where nobody does. */
export interface ProgressListener {
  progress?(progress: AttemptProgress): void;
}

/** One attempt of a step, in the hands of its handler. */
export class StepView {
  readonly workflow_step_id: number;
  readonly name: string;
  /** 1 is the first attempt. */
  readonly attempt: number;
  readonly retry_limit: number;
  readonly inputs: Json;
  /** What treadle.complete_step(claim_token, results) asks for, on any connection; undefined without a database. */
  readonly claim_token: string | undefined;
  readonly #listener: ProgressListener | undefined;
  readonly #initial: Json;
  #current: Json;
  #touched = false;

  constructor(row: StepRow, listener?: ProgressListener) {
    this.#listener = listener;
    this.workflow_step_id = row.workflow_step_id;
    this.name = row.name;
    this.attempt = row.attempt;
    this.retry_limit = row.retry_limit;
    this.inputs = row.inputs;
    this.claim_token = row.claim_token;
    this.#initial = row.results;
    this.#current = row.results;
  }

  /** What children will read. Anything that JSON can hold may be set. */
  get results(): Json {
    if (!this.#touched) {
      this.#touched = true;
      this.#current = structuredClone(this.#initial); // the reader may change it in place
    }
    return this.#current;
  }

  set results(value: unknown) {
    this.#touched = true;
    this.#current = value as Json; // made into JSON, or refused, when the attempt ends
  }

  /** Says how far the attempt is, to whoever watches the task: nothing is stored. `fraction` is from 0 to 1. */
  progress(fraction: number | undefined, message = ''): void {
    const known = fraction === undefined || Number.isNaN(fraction) ? undefined : fraction;
    this.#listener?.progress?.({
      fraction: known === undefined ? undefined : Math.min(Math.max(known, 0), 1),
      message: message.slice(0, MAX_MESSAGE_CHARS),
    });
  }

  /** What an earlier attempt left behind, as it was when this attempt began. */
  get initialResults(): Json {
    return this.#initial;
  }

  /** Whether the handler made `results` something else than what an earlier attempt had left. */
  get resultsChanged(): boolean {
    return this.#touched && !isDeepStrictEqual(this.#current, this.#initial);
  }
}
