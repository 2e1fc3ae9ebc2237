// What one attempt of a workflow step may answer. Every runtime (TypeScript, Python, Ruby) ends in one of these two.
import type { Json, JsonObject } from './json.ts';

/**
 * Bytes of JSON text that the results of a step may have unless the engine is told otherwise: what one gRPC message holds
 * by default. Every child gets the results of its parents with its claim, so large ones cost again with each child; a file
 * belongs into a store, and its address into the results.
 */
export const DEFAULT_MAX_RESULT_BYTES = 4 * 1024 * 1024;

/** The attempt succeeded; `results` is what children read. */
export interface CompletedOutcome {
  readonly kind: 'complete';
  readonly results: Json;
  /** The same as the JSON text that is stored, for whoever need not serialise it again. */
  readonly results_json?: string;
}

/** How a failed attempt is to be treated. */
export const FAILURE_CODES = [
  'handler_error', // anything a handler threw: retryable
  'retryable', // RetryableError
  'permanent', // PermanentError: no attempt is left afterwards
  'timed_out', // the step's timeout passed
  'invalid_input', // context or parents' results do not fit the handler's declaration: permanent
  'invalid_output', // what process returned does not fit, or is not JSON that can be stored: permanent
  'results_too_large', // as JSON text the results are longer than the limit: permanent
  'invalid_config', // handler_config does not fit: permanent
  'unknown_handler', // nobody serves the name: permanent
  'unstorable', // Postgres refused the results as data: permanent
  'worker_lost', // the process died
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

/** The attempt failed. Strings as Rails keeps them in `results`: error, error_class, backtrace. */
export interface FailedOutcome {
  readonly kind: 'error';
  readonly code: FailureCode;
  readonly permanent: boolean;
  readonly error: string;
  readonly error_class: string;
  readonly backtrace: string;
  /** Seconds the other side asked us to wait, from now; undefined: the step's own backoff. */
  readonly retry_after_seconds?: number;
  /** What the handler had put into step.results before it failed; kept beside the error keys. */
  readonly results?: JsonObject;
}

export type Outcome = CompletedOutcome | FailedOutcome;
