// From what a handler returned to what Postgres can store: JSON, by the rules of JSON.stringify (a Date becomes its
// ISO text, undefined properties vanish). What jsonb cannot hold is refused here, where it harms only its own step.
import type { Json } from '../core/json.ts';
import { DeclarationError } from './declaration.ts';

/** Levels of nesting that stay far below what the JSON parser of Postgres takes (max_stack_depth of 2 MB). */
const MAX_DEPTH = 1_000;

/** In JSON text: an escaped U+0000 or half of a surrogate pair, neither of which jsonb takes. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/**
 * The value as JSON, detached from the handler's own objects. Nothing (undefined) becomes `{}`.
 * @throws DeclarationError `invalid_output` when it cannot be stored.
 */
export function asResults(value: unknown): Json {
  if (value === undefined) return {};
  const text = stringify(value);
  if (text.includes('\\u') && UNSTORABLE.test(text)) {
    throw refusal('a text holds U+0000 or half of a surrogate pair');
  }
  const json = JSON.parse(text) as Json;
  if (isDeeperThan(json, MAX_DEPTH)) throw refusal(`it is nested deeper than ${MAX_DEPTH} levels`);
  return json;
}

function stringify(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw refusal(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error), error);
  }
  if (text === undefined) throw refusal(`got a ${typeof value}`);
  return text;
}

function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const children = Array.isArray(value) ? value : Object.values(value);
  return children.some((child) => isDeeperThan(child, levels - 1));
}

function refusal(why: string, cause?: unknown): DeclarationError {
  const message = `expected results that can be stored as JSON: ${why}`;
  return new DeclarationError('invalid_output', message, cause === undefined ? {} : { cause });
}
