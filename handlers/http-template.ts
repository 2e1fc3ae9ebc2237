// Fills `{{context.path}}` and `{{results.step.path}}` in the strings of a handler_config. Only looks values up: no
// expressions. A path goes by dots, through objects and list positions.
import { PermanentError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';

/** What placeholders can reach. */
export interface Values {
  readonly context: unknown;
  readonly results: unknown;
}

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;
const WHOLE_PLACEHOLDER = /^\{\{\s*([^{}]*?)\s*\}\}$/;

/**
 * The value with all its strings filled. A string that is one placeholder and nothing else becomes the value itself,
 * so numbers, lists and objects keep their type.
 * @throws PermanentError `MISSING_VALUE` when a placeholder leads nowhere.
 */
export function fill(template: Json, values: Values): Json {
  if (typeof template === 'string') {
    const path = WHOLE_PLACEHOLDER.exec(template)?.[1];
    return path === undefined ? fillText(template, values) : lookUp(path, values);
  }
  if (Array.isArray(template)) return template.map((item) => fill(item, values));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([key, item]) => [key, fill(item, values)]));
}

/** The string filled; what is put in passes through `encode`. */
export function fillText(
  template: string,
  values: Values,
  encode: (text: string, offset: number) => string = (text) => text,
): string {
  return template.replace(PLACEHOLDER, (_match, path: string, offset: number) => {
    const value = lookUp(path, values);
    return encode(typeof value === 'string' ? value : JSON.stringify(value), offset);
  });
}

/**
 * A URL filled: values are escaped, so that none adds a path or a query, except one that the URL begins with.
 * @throws PermanentError `UNSAFE_VALUE` for `.` and `..`, which would climb the path however they are escaped.
 */
export function fillUrl(template: string, values: Values): string {
  return fillText(template, values, (text, offset) => {
    if (offset === 0) return text;
    if (text === '.' || text === '..') {
      throw new PermanentError(`expected a value that can stand in a url, got "${text}"`, {
        errorCode: 'UNSAFE_VALUE',
      });
    }
    return encodeURIComponent(text);
  });
}

function lookUp(path: string, values: Values): Json {
  const found = path.split('.').reduce<unknown>((at, key) => ownValue(at, key), values);
  if (found !== undefined) return found as Json;
  throw new PermanentError(
    `expected a value for {{${path}}}, found none in the task's context and parents' results`,
    {
      errorCode: 'MISSING_VALUE',
    },
  );
}

/** Own properties only: `constructor` is no value. */
function ownValue(container: unknown, key: string): unknown {
  if (typeof container !== 'object' || container === null || !Object.hasOwn(container, key)) return undefined;
  return (container as Record<string, unknown>)[key];
}
