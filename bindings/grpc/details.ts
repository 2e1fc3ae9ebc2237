// The bytes of `grpc-status-details-bin`: a google.rpc.Status that carries ErrorInfo and, for wrong fields, BadRequest.
// Written by hand, since three small messages of Google's would bring a package with all of them.
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { status } from '@grpc/grpc-js';

/** The domain of every ErrorInfo of ours. */
export const ERROR_DOMAIN = 'treadle';

export interface ErrorDetails {
  readonly status: status;
  readonly message: string;
  /** An error code of the closed list in upper case, as `UNKNOWN_TASK`. */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
}

export interface FieldViolation {
  /** As `context.lines[2].sku`. */
  readonly field: string;
  readonly description: string;
}

/** Wire type 2 of protobuf: text, bytes and messages. */
const LENGTH_DELIMITED = 2;

export function encodeDetails(details: ErrorDetails): Buffer {
  const writer = new BinaryWriter();
  writer.uint32(1 << 3).int32(details.status);
  text(writer, 2, details.message);
  any(writer, 'google.rpc.ErrorInfo', errorInfo(details));
  if (details.violations.length > 0) any(writer, 'google.rpc.BadRequest', badRequest(details.violations));
  return Buffer.from(writer.finish());
}

/** One of `details` (3) of the Status: type_url (1) and value (2). */
function any(writer: BinaryWriter, type: string, value: Uint8Array): void {
  message(writer, 3, (inner) => {
    text(inner, 1, `type.googleapis.com/${type}`);
    inner.uint32((2 << 3) | LENGTH_DELIMITED).bytes(value);
  });
}

/** reason (1), domain (2), metadata (3): a map, which is a list of pairs of key (1) and value (2). */
function errorInfo({ reason, metadata }: ErrorDetails): Uint8Array {
  const writer = new BinaryWriter();
  text(writer, 1, reason);
  text(writer, 2, ERROR_DOMAIN);
  for (const [key, value] of Object.entries(metadata)) {
    message(writer, 3, (pair) => {
      text(pair, 1, key);
      text(pair, 2, value);
    });
  }
  return writer.finish();
}

/** field_violations (1), each with field (1) and description (2). */
function badRequest(violations: readonly FieldViolation[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const { field, description } of violations) {
    message(writer, 1, (violation) => {
      text(violation, 1, field);
      text(violation, 2, description);
    });
  }
  return writer.finish();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.uint32((field << 3) | LENGTH_DELIMITED).string(value);
}

function message(writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void {
  writer.uint32((field << 3) | LENGTH_DELIMITED).fork();
  write(writer);
  writer.join();
}
