// Says what a thrown value means: the FailedOutcome of an attempt. Total: whatever was thrown, it answers.
// Errors are recognised by name as well as by class, so that two copies of this package understand each other.
import { PermanentError, RetryableError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { FailedOutcome, FailureCode } from '../core/outcome.ts';
import { TimeoutError } from './deadline.ts';
import { DeclarationError } from './declaration.ts';

/** Characters of an error and of a backtrace that are kept. */
export const MAX_ERROR_CHARS = 8_192;
export const MAX_BACKTRACE_CHARS = 16_384;

/** What was thrown, in the words that are stored. */
type Description = Pick<FailedOutcome, 'error' | 'error_class' | 'backtrace'>;

/** The outcome of an attempt that ended in `thrown`. `results` is what the handler had put into step.results. */
export function failedOutcome(thrown: unknown, results?: JsonObject): FailedOutcome {
  const code = failureCodeOf(thrown);
  const retryAfter = code === 'retryable' ? numberAt(thrown, 'retryAfter') : undefined;
  const kept = withErrorCode(results, code === 'permanent' ? textAt(thrown, 'errorCode') : undefined);
  return {
    kind: 'error',
    code,
    permanent: code === 'permanent' || safely(false, () => thrown instanceof DeclarationError),
    ...describeThrown(thrown),
    ...(retryAfter === undefined ? {} : { retry_after_seconds: retryAfter }),
    ...(kept === undefined ? {} : { results: kept }),
  };
}

function failureCodeOf(thrown: unknown): FailureCode {
  return safely('handler_error', () => knownCodeOf(thrown));
}

function knownCodeOf(thrown: unknown): FailureCode {
  if (thrown instanceof DeclarationError) return thrown.failureCode;
  if (thrown instanceof TimeoutError) return 'timed_out';
  if (thrown instanceof PermanentError || isNamed(thrown, 'PermanentError')) return 'permanent';
  if (thrown instanceof RetryableError || isNamed(thrown, 'RetryableError')) return 'retryable';
  return 'handler_error';
}

/** Whether the error's name, or the name of any class it descends from, is `name`. */
function isNamed(thrown: unknown, name: string): boolean {
  return safely(false, () => {
    if (!(thrown instanceof Error)) return false;
    if (thrown.name === name) return true;
    for (let proto: unknown = thrown; proto instanceof Object; proto = Object.getPrototypeOf(proto)) {
      if (proto.constructor.name === name) return true;
    }
    return false;
  });
}

function withErrorCode(
  results: JsonObject | undefined,
  errorCode: string | undefined,
): JsonObject | undefined {
  return errorCode === undefined ? results : { ...results, error_code: errorCode };
}

/** What was thrown in words that can be logged and stored, whatever it is. */
export function describeThrown(thrown: unknown): Description {
  const errorClass = storable(
    safely('Error', () => classNameOf(thrown)),
    MAX_ERROR_CHARS,
  );
  const message = storable(
    safely('', () => messageOf(thrown)),
    MAX_ERROR_CHARS,
  );
  return {
    error: message === '' ? errorClass : message,
    error_class: errorClass,
    backtrace: storable(
      safely('', () => backtraceOf(thrown)),
      MAX_BACKTRACE_CHARS,
    ),
  };
}

function classNameOf(thrown: unknown): string {
  if (thrown === null || thrown === undefined) return String(thrown);
  const name: unknown = Object(thrown).constructor?.name;
  if (typeof name === 'string' && name !== '') return name;
  return thrown instanceof Error ? thrown.name : typeof thrown;
}

function messageOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return `${String(thrown)} was thrown`;
  if ('message' in thrown && typeof thrown.message === 'string') return thrown.message;
  return `${JSON.stringify(thrown)} was thrown`;
}

/** The stack of the error and of each cause below it; a circle of causes ends where it closes, a long chain after 20. */
function backtraceOf(thrown: unknown): string {
  const seen = new Set<unknown>();
  const stacks: string[] = [];
  for (
    let error = thrown;
    error instanceof Error && !seen.has(error) && seen.size < 20;
    error = error.cause
  ) {
    seen.add(error);
    stacks.push(error.stack ?? `${error.name}: ${error.message}`);
  }
  return stacks.join('\ncaused by: ');
}

/** The text at most `limit` characters long, without what Postgres cannot hold (U+0000, half a surrogate pair). */
export function storable(text: string, limit: number): string {
  return text.slice(0, limit).replace(/\0|\p{Surrogate}/gu, '\uFFFD');
}

function numberAt(thrown: unknown, key: string): number | undefined {
  const value = propertyOf(thrown, key);
  return typeof value === 'number' && Number.isFinite(value) ? Math.max(0, value) : undefined;
}

function textAt(thrown: unknown, key: string): string | undefined {
  const value = propertyOf(thrown, key);
  return typeof value === 'string' ? storable(value, MAX_ERROR_CHARS) : undefined;
}

function propertyOf(thrown: unknown, key: string): unknown {
  return safely(undefined, () => (thrown instanceof Object ? Reflect.get(thrown, key) : undefined));
}

/** A thrown object can be hostile: a getter or a toString that throws must not cost the outcome. */
function safely<Value>(otherwise: Value, read: () => Value): Value {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
