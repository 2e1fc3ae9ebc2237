// From what a handler returned to what Postgres can store: JSON, by the rules of JSON.stringify (a Date becomes its
// ISO text, undefined properties vanish), save that NaN and Infinity are refused rather than made null. What jsonb cannot
// hold, or nobody should carry to every child, is refused here, where it harms only its own step. Serialised once: the
// text made here is what Postgres gets; it is read again only for whoever asks for its value.
import type { Json } from '../core/json.ts';
import { DEFAULT_MAX_RESULT_BYTES, type CompletedOutcome } from '../core/outcome.ts';
import { DeclarationError } from './declaration.ts';

/** Levels of nesting that stay far below what the JSON parser of Postgres takes (max_stack_depth of 2 MB). */
const MAX_DEPTH = 1_000;

/** In JSON text: an escaped U+0000 or half of a surrogate pair, neither of which jsonb takes. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/**
 * The value as JSON text. Nothing (undefined) becomes `{}`.
 * @throws DeclarationError `invalid_output` when it cannot be stored, `results_too_large` over `maxBytes` of JSON text.
 */
export function asResults(value: unknown, maxBytes: number = DEFAULT_MAX_RESULT_BYTES): string {
  if (value === undefined) return '{}';
  const text = stringify(value);
  assertStorable(text, maxBytes);
  if (text.includes('null')) refuseNoNumbers(value);
  return text;
}

/** Holds well-formed JSON text, in which no pair of surrogates is escaped, to what can be stored. */
export function assertStorable(text: string, maxBytes: number): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) throw tooLarge(`at most ${maxBytes} bytes of JSON, got ${bytes}`);
  if (text.includes('\\u') && UNSTORABLE.test(text)) {
    throw refusal('a text holds U+0000 or half of a surrogate pair');
  }
  if (isDeeperThan(text, MAX_DEPTH)) throw tooDeep();
}

/** The outcome of an attempt with these results. */
export function completed(results: string): CompletedOutcome {
  return new Completed(results);
}

class Completed implements CompletedOutcome {
  readonly kind = 'complete';
  readonly results_json: string;
  declare readonly results: Json;

  constructor(results: string) {
    this.results_json = results;
    Object.defineProperty(this, 'results', READ_WHEN_ASKED);
  }
}

/** A property of each outcome rather than of the class: it survives `{ ...outcome }`. */
const READ_WHEN_ASKED: PropertyDescriptor & ThisType<Completed> = {
  enumerable: true,
  configurable: true,
  get() {
    const value = JSON.parse(this.results_json) as Json;
    Object.defineProperty(this, 'results', { enumerable: true, value });
    return value;
  },
};

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

/** Whether brackets are nested deeper than `levels` in a JSON text. */
function isDeeperThan(text: string, levels: number): boolean {
  if (text.length <= 2 * levels) return false; // a level is two brackets
  let open = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === '[' || char === '{') open += 1;
    else if (char === ']' || char === '}') open -= 1;
    if (open > levels) return true;
  }
  return false;
}

/** The place of the quote that closes the one at `start`. */
export function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, place: number): boolean {
  let backslashes = 0;
  while (text[place - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

function tooDeep(): DeclarationError {
  return refusal(`it is nested deeper than ${MAX_DEPTH} levels`);
}

function tooLarge(expected: string): DeclarationError {
  const advice = 'keep large data elsewhere and return where it is';
  return new DeclarationError('results_too_large', `expected results of ${expected}: ${advice}`);
}

export function refusal(why: string, cause?: unknown): DeclarationError {
  const message = `expected results that can be stored as JSON: ${why}`;
  return new DeclarationError('invalid_output', message, cause === undefined ? {} : { cause });
}
