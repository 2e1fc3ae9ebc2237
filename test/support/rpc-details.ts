// Reads google.rpc.Status as any client would: by the field numbers of google/rpc/status.proto and error_details.proto.
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

export interface DecodedDetails {
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Field to description. */
  readonly violations: Readonly<Record<string, string>>;
}

type Fields = Map<number, Buffer[]>;

export function decodeDetails(bytes: Buffer): DecodedDetails {
  const details = new Map((fieldsOf(bytes).get(3) ?? []).map(anyOf));
  const info = fieldsOf(details.get('type.googleapis.com/google.rpc.ErrorInfo') ?? Buffer.alloc(0));
  const request = fieldsOf(details.get('type.googleapis.com/google.rpc.BadRequest') ?? Buffer.alloc(0));
  return {
    reason: text(info, 1),
    domain: text(info, 2),
    metadata: Object.fromEntries((info.get(3) ?? []).map(pairOf)),
    violations: Object.fromEntries((request.get(1) ?? []).map(pairOf)),
  };
}

function anyOf(bytes: Buffer): [string, Buffer] {
  const fields = fieldsOf(bytes);
  return [text(fields, 1), fields.get(2)?.[0] ?? Buffer.alloc(0)];
}

function pairOf(bytes: Buffer): [string, string] {
  const fields = fieldsOf(bytes);
  return [text(fields, 1), text(fields, 2)];
}

function text(fields: Fields, field: number): string {
  return fields.get(field)?.[0]?.toString() ?? '';
}

/** What has a length; numbers are passed over. */
function fieldsOf(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited)
      fields.set(field, [...(fields.get(field) ?? []), Buffer.from(reader.bytes())]);
    else reader.skip(type, field);
  }
  return fields;
}
