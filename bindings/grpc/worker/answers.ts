// What a worker says of an attempt, as the engine understands it. Whatever a handler can bring about fails its own step and
// nothing else: results that are no JSON, are too large or cannot be stored; texts of any length.
import { isJsonObject } from '../../../core/template/json-value.ts';
import type { Json, JsonObject } from '../../../core/json.ts';
import type { FailedOutcome, Outcome } from '../../../core/outcome.ts';
import type { WorkerAnswer } from '../../../engine/connected-worker.ts';
import { failedOutcome, MAX_BACKTRACE_CHARS, MAX_ERROR_CHARS, storable } from '../../../handlers/failure.ts';
import { resultsOfText } from '../../../handlers/foreign-results.ts';
import { completed } from '../../../handlers/results.ts';
import type { Failed, Outcome as WireOutcome } from '../../../proto/gen/treadle/v1/worker.ts';
import { failureCodeOf, isPermanent } from './failure-codes.ts';

const LONGEST_RETRY_AFTER_SECONDS = 86_400;

/** Undefined: it does not say what the attempt ended in. */
export function answerOf({ result }: WireOutcome, maxResultBytes: number): WorkerAnswer | undefined {
  switch (result?.$case) {
    case undefined:
      return undefined;
    case 'completed':
      return { kind: 'outcome', outcome: completedWith(result.value.results_json, maxResultBytes) };
    case 'failed':
      return { kind: 'outcome', outcome: failedWith(result.value, maxResultBytes) };
    case 'completed_in_transaction':
    case 'released':
      return { kind: result.$case };
  }
}

function completedWith(text: string, maxResultBytes: number): Outcome {
  try {
    return completed(resultsOfText(text, maxResultBytes));
  } catch (error) {
    return { ...failedOutcome(error), backtrace: '' }; // frames of ours would say nothing to its author
  }
}

function failedWith(failed: Failed, maxResultBytes: number): FailedOutcome {
  const code = failureCodeOf(failed.code);
  const error_class = storable(failed.error_class, MAX_ERROR_CHARS) || 'Error';
  const retryAfter = code === 'retryable' ? secondsOf(failed.retry_after_seconds) : undefined;
  const results = keptResults(failed, code === 'permanent', maxResultBytes);
  return {
    kind: 'error',
    code,
    permanent: isPermanent(code),
    error: storable(failed.error, MAX_ERROR_CHARS) || error_class,
    error_class,
    backtrace: storable(failed.backtrace, MAX_BACKTRACE_CHARS),
    ...(retryAfter === undefined ? {} : { retry_after_seconds: retryAfter }),
    ...(results === undefined ? {} : { results }),
  };
}

function secondsOf(seconds: number | undefined): number | undefined {
  if (seconds === undefined || Number.isNaN(seconds)) return undefined;
  return Math.min(Math.max(0, seconds), LONGEST_RETRY_AFTER_SECONDS);
}

function keptResults(failed: Failed, permanent: boolean, maxResultBytes: number): JsonObject | undefined {
  const results = failed.results_json === '' ? undefined : readable(failed.results_json, maxResultBytes);
  if (!permanent || failed.error_code === '') return results;
  return { ...results, error_code: storable(failed.error_code, MAX_ERROR_CHARS) };
}

/** They only stand beside the failure, so unfit ones are left out rather than hide it. */
function readable(text: string, maxResultBytes: number): JsonObject | undefined {
  try {
    const results = JSON.parse(resultsOfText(text, maxResultBytes)) as Json;
    return isJsonObject(results) ? results : undefined;
  } catch {
    return undefined;
  }
}
