// From whatever was thrown to the status of a call: the code of a TreadleError by its table, the same as data in
// google.rpc details, and of anything unexpected no more than that it happened; the log has the rest.
import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { GRPC_STATUSES, TreadleError, type ErrorCode } from '../../core/errors.ts';
import { encodeDetails, type ErrorDetails, type FieldViolation } from './details.ts';
import { Refusal } from './refusal.ts';

/** What a client need not know of our house: addresses, tables, statements. */
const IN_OTHER_WORDS: Partial<Record<ErrorCode, string>> = {
  invalid_config: 'the engine is not configured as it must be',
  schema_mismatch: 'the database of the engine has another schema than the engine expects',
  not_migrated: 'the database of the engine is not migrated: run "treadle migrate" there',
  no_database: 'the engine has no database',
  database_unavailable: 'Postgres is away: try again later',
  queue_unavailable: 'the queue is away: try again later',
  database_error: 'Postgres refused a statement: the log of the engine says why',
};

/**
 * Trailers have little room: clients refuse more than 8 KiB in all, the message travels twice (once with three bytes for
 * each that is not plain), and the details in base64.
 */
const MESSAGE_BYTES = 1000;
const DETAILS_BYTES = 3000;
const VALUE_CHARACTERS = 250;
const MOST_VIOLATIONS = 20;

/** The status to end a call with. Logs what nobody has foreseen. */
export function statusOf(error: unknown, log: Logger): StatusObject {
  const details = detailsOf(error);
  if (details.status === status.INTERNAL) log.error({ err: error }, 'a gRPC call failed');
  else if (details.status === status.UNAVAILABLE)
    log.debug({ err: error }, 'a gRPC call cannot be served now');
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', fitting(details));
  return { code: details.status, details: details.message, metadata };
}

function detailsOf(error: unknown): ErrorDetails {
  if (error instanceof TreadleError) return ofTreadle(error);
  if (error instanceof Refusal) {
    const { code, details } = error; // of a token, a scope or the protocol: the closed list has no code for them
    return { status: code, message: cutBytes(details), reason: status[code], metadata: {}, violations: [] };
  }
  const message = 'something unexpected happened: the log of the engine says what';
  return { status: status.INTERNAL, message, reason: 'INTERNAL', metadata: {}, violations: [] };
}

function ofTreadle({ code, message, details }: TreadleError): ErrorDetails {
  const hidden = IN_OTHER_WORDS[code];
  return {
    status: status[GRPC_STATUSES[code]],
    message: cutBytes(hidden ?? message),
    reason: code.toUpperCase(),
    metadata: hidden === undefined ? asTexts(details) : {},
    violations: hidden === undefined ? violationsOf(details['problems']) : [],
  };
}

/** `problems` are told as violations. */
function asTexts(details: Readonly<Record<string, unknown>>): Record<string, string> {
  const told = Object.entries(details).filter(([key, value]) => key !== 'problems' && value !== undefined);
  return Object.fromEntries(
    told.map(([key, value]) => [key, cut(typeof value === 'string' ? value : JSON.stringify(value))]),
  );
}

function violationsOf(problems: unknown): FieldViolation[] {
  if (!Array.isArray(problems)) return [];
  return problems.slice(0, MOST_VIOLATIONS).map(({ path, expected, received }: Record<string, unknown>) => ({
    field: cut(String(path)),
    description: cut(`expected ${String(expected)}, came ${String(received)}`),
  }));
}

/** With as many violations as there is room for. */
function fitting(details: ErrorDetails): Buffer {
  for (let left = details.violations.length; left > 0; left -= 1) {
    const encoded = encodeDetails({ ...details, violations: details.violations.slice(0, left) });
    if (encoded.length <= DETAILS_BYTES) return encoded;
  }
  const encoded = encodeDetails({ ...details, violations: [] });
  return encoded.length <= DETAILS_BYTES
    ? encoded
    : encodeDetails({ ...details, metadata: {}, violations: [] });
}

function cut(text: string): string {
  return text.length <= VALUE_CHARACTERS ? text : `${text.slice(0, VALUE_CHARACTERS - 3)}...`;
}

function cutBytes(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= MESSAGE_BYTES) return message;
  // half a character at the end becomes U+FFFD
  return `${bytes
    .subarray(0, MESSAGE_BYTES - 3)
    .toString()
    .replace(/\uFFFD$/, '')}...`;
}
