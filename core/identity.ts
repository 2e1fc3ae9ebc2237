// The identity hash of a task: two requests with the same hash are one task (a unique index says so).
import { createHash, randomUUID } from 'node:crypto';
import { TreadleError } from './errors.ts';
import type { Json, JsonObject } from './json.ts';
import { characterCount, isStorableText } from './template/text.ts';
import type { IdentityStrategy } from './vocabulary.ts';
import { LIMITS } from './vocabulary.ts';

/** What of a request goes into its identity. Namespace and version do not (so it is in the Rails engine). */
export interface IdentityRequest {
  readonly name: string;
  readonly initiator: string;
  readonly source_system: string;
  readonly context: JsonObject;
  readonly reason: string;
  readonly bypass_steps: readonly string[];
  readonly requested_at: Date;
  /** The caller's own key, for the strategy `key`. */
  readonly identity_key?: string | undefined;
}

/**
 * The hash to store: `uuid` is random and never equal to another, `hash` is the Rails engine's SHA-256 (hex, equal for
 * equal requests within one UTC minute), `key` is the caller's own. Throws TreadleError `invalid_argument` for a key
 * that is missing, blank or longer than 128 characters, and for an invalid `requested_at`.
 */
export function identityHash(strategy: IdentityStrategy, request: IdentityRequest): string {
  switch (strategy) {
    case 'uuid':
      return randomUUID();
    case 'hash':
      return createHash('sha256').update(identityJson(request)).digest('hex');
    case 'key':
      return callersKey(request.identity_key);
  }
}

function callersKey(key: string | undefined): string {
  const expected = `expected identity_key to be text of 1 to ${LIMITS.identity_key} characters`;
  if (key === undefined) throw new TreadleError('invalid_argument', `${expected}, came nothing`);
  const length = characterCount(key);
  if (length > LIMITS.identity_key || !/\S/.test(key) || !isStorableText(key)) {
    throw new TreadleError(
      'invalid_argument',
      `${expected}, came ${length} in ${JSON.stringify(key.slice(0, 40))}`,
    );
  }
  return key;
}

/** The text that is hashed: keys in this order, the minute in UTC. */
function identityJson(request: IdentityRequest): string {
  return railsJson({
    name: request.name,
    initiator: request.initiator,
    source_system: request.source_system,
    context: request.context,
    reason: request.reason,
    bypass_steps: [...request.bypass_steps],
    requested_at: utcMinute(request.requested_at),
  });
}

/** `2025-07-13 09:05` */
function utcMinute(instant: Date): string {
  if (Number.isNaN(instant.getTime())) {
    throw new TreadleError(
      'invalid_argument',
      'expected requested_at to be a valid instant, came an invalid Date',
    );
  }
  return instant.toISOString().slice(0, 16).replace('T', ' ');
}

const ESCAPED = /[<>&\u2028\u2029]/g;

/**
 * JSON as ActiveSupport writes it (`to_json`): keys in the order given at every depth, no spaces, Unicode as it is,
 * but < > & U+2028 U+2029 as \u003c and so on, in keys as in values (none of them occurs outside of strings).
 * Numbers as Ruby prints them. Two things JavaScript cannot know: 1.0 and 1 are the same number here, so a context in
 * which Ruby holds a whole float hashes differently; and keys that are whole numbers ("10") move to the front.
 */
export function railsJson(value: Json): string {
  const text = encode(value);
  return text.replace(ESCAPED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function encode(value: Json): string {
  if (typeof value === 'number') return rubyNumber(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(encode).join(',')}]`;
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${encode(member)}`);
  return `{${members.join(',')}}`;
}

/** Ruby's Float#to_s leaves fixed notation below 0.0001 (`1.0e-05`); whole numbers below 1e21 are Integers to us. */
function rubyNumber(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e21)) return String(value === 0 ? 0 : value);
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  const digits = Math.abs(Number(exponent)).toString().padStart(2, '0');
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}e${exponent.startsWith('-') ? '-' : '+'}${digits}`;
}
