// From what a handler returned to what Postgres can store: JSON, by the rules of JSON.stringify (a Date becomes its
// ISO text, undefined properties vanish), save that NaN and Infinity are refused rather than made null. What jsonb cannot
// hold, or nobody should carry to every child, is refused here, where it harms only its own step.
import type { Json } from '../core/json.ts';
import { DEFAULT_MAX_RESULT_BYTES } from '../core/outcome.ts';
import { DeclarationError } from './declaration.ts';

/** Levels of nesting that stay far below what the JSON parser of Postgres takes (max_stack_depth of 2 MB). */
const MAX_DEPTH = 1_000;

/** In JSON text: an escaped U+0000 or half of a surrogate pair, neither of which jsonb takes. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/**
 * The value as JSON, detached from the handler's own objects. Nothing (undefined) becomes `{}`.
 * @throws DeclarationError `invalid_output` when it cannot be stored, `results_too_large` over `maxBytes` of JSON text.
 */
export function asResults(value: unknown, maxBytes: number = DEFAULT_MAX_RESULT_BYTES): Json {
  if (value === undefined) return {};
  const text = stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) throw tooLarge(`at most ${maxBytes} bytes of JSON, got ${bytes}`);
  if (text.includes('\\u') && UNSTORABLE.test(text)) {
    throw refusal('a text holds U+0000 or half of a surrogate pair');
  }
  if (text.includes('null')) refuseNoNumbers(value);
  const json = JSON.parse(text) as Json;
  if (isDeeperThan(json, MAX_DEPTH)) throw tooDeep();
  return json;
}

function stringify(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw unfit(error);
  }
  if (text === undefined) throw refusal(`got a ${typeof value}`);
  return text;
}

/** Why JSON.stringify gave up. What it throws may come from a `toJSON` of the handler, and be anything. */
function unfit(thrown: unknown): DeclarationError {
  let message = 'its toJSON threw something that cannot be read';
  try {
    message = thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown);
  } catch {
    // the words above have to do
  }
  if (message.startsWith('Maximum call stack')) return tooDeep();
  if (message === 'Invalid string length') return tooLarge('fewer than 512 MB of JSON, got more');
  return refusal(message, thrown);
}

/** JSON.stringify turns NaN and Infinity into null without a word. Only looked for where the text has a null. */
function refuseNoNumbers(value: unknown): void {
  JSON.stringify(value, (key, part: unknown) => {
    if (typeof part !== 'number' || Number.isFinite(part)) return part;
    throw refusal(`${key === '' ? 'it' : JSON.stringify(key)} is ${part}`);
  });
}

function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const children = Array.isArray(value) ? value : Object.values(value);
  return children.some((child) => isDeeperThan(child, levels - 1));
}

function tooDeep(): DeclarationError {
  return refusal(`it is nested deeper than ${MAX_DEPTH} levels`);
}

function tooLarge(expected: string): DeclarationError {
  const advice = 'keep large data elsewhere and return where it is';
  return new DeclarationError('results_too_large', `expected results of ${expected}: ${advice}`);
}

function refusal(why: string, cause?: unknown): DeclarationError {
  const message = `expected results that can be stored as JSON: ${why}`;
  return new DeclarationError('invalid_output', message, cause === undefined ? {} : { cause });
}
