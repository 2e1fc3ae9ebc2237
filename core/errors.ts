// The closed list of error codes and what each is on the command line and over gRPC, the one error of the system, and the
// two errors that authors of handlers throw.

/** Every code a TreadleError can carry, with the exit status of the command line that reports it. */
export const ERROR_CODES = {
  invalid_argument: 2,
  invalid_template: 2,
  invalid_context: 2,
  invalid_config: 2,
  unknown_task: 1,
  unknown_template: 1,
  unknown_handler: 1,
  unknown_step: 2,
  unlawful_transition: 1,
  stale_state: 1,
  fenced: 1,
  schema_mismatch: 1,
  not_migrated: 1,
  no_database: 1,
  database_unavailable: 1,
  queue_unavailable: 1,
  database_error: 1,
} as const;
export type ErrorCode = keyof typeof ERROR_CODES;

/** The gRPC status that each code answers with. UNAVAILABLE: the same call may succeed later. ABORTED: look again, then decide. */
export const GRPC_STATUSES = {
  invalid_argument: 'INVALID_ARGUMENT',
  invalid_template: 'INVALID_ARGUMENT',
  invalid_context: 'INVALID_ARGUMENT',
  invalid_config: 'FAILED_PRECONDITION',
  unknown_task: 'NOT_FOUND',
  unknown_template: 'NOT_FOUND',
  unknown_handler: 'NOT_FOUND',
  unknown_step: 'NOT_FOUND',
  unlawful_transition: 'FAILED_PRECONDITION',
  stale_state: 'ABORTED',
  fenced: 'ABORTED',
  schema_mismatch: 'FAILED_PRECONDITION',
  not_migrated: 'FAILED_PRECONDITION',
  no_database: 'UNAVAILABLE',
  database_unavailable: 'UNAVAILABLE',
  queue_unavailable: 'UNAVAILABLE',
  database_error: 'INTERNAL',
} as const satisfies Record<ErrorCode, string>;

/**
 * An error of the system. Callers compare `code`, never the message; a message says what was expected and what came.
 * `details` holds the same as data. `cause` keeps the error underneath.
 */
export class TreadleError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TreadleError';
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Thrown by a handler: trying again cannot help. The step keeps no attempts. */
export class PermanentError extends Error {
  readonly errorCode: string | undefined;

  constructor(message: string, options: { errorCode?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PermanentError';
    this.errorCode = options.errorCode;
  }
}

/** Thrown by a handler: try again, after `retryAfter` seconds at the earliest when given (else the step's backoff). */
export class RetryableError extends Error {
  readonly retryAfter: number | undefined;

  constructor(message: string, options: { retryAfter?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RetryableError';
    this.retryAfter = options.retryAfter;
  }
}
