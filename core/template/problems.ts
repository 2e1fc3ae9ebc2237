// What is wrong with a template or a context, and the one error that says all of it: where, what was expected, what came.
import type { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { TreadleError } from '../errors.ts';
import { nearest } from './nearest.ts';
import { characterCount, shortened } from './text.ts';

/** Keys and indices from the root of a value to the place meant. */
export type Path = readonly (string | number)[];

/** One thing that is wrong, before its place in a text is known. */
export interface Finding {
  readonly at: Path;
  readonly expected: string;
  readonly received: string;
}

/** One thing that is wrong, as `details.problems` of the error keeps it. Lines and columns count from 1. */
export interface Problem {
  readonly path: string;
  readonly expected: string;
  readonly received: string;
  readonly line?: number;
  readonly column?: number;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Where in the source text the value at a path is written. */
export type Locate = (at: Path) => Position | undefined;

/** A message lists this many problems; `details.problems` has all. */
export const MOST_LISTED = 50;

const PLAIN_KEY = /^[A-Za-z_$][\w$-]*$/;

/** `step_templates[2].default_retry_limit`; a key that is no plain word stands in brackets and quotes. */
export function pathText(at: Path): string {
  const parts = at.map((part) => {
    if (typeof part === 'number') return `[${part}]`;
    return PLAIN_KEY.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
  });
  return parts.join('').replace(/^\./, '');
}

/** A value in a few words, short enough for a message. */
export function describe(value: unknown): string {
  try {
    return inWords(value);
  } catch {
    return 'an object that cannot be read'; // a proxy can throw at anything that is asked of it
  }
}

function inWords(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return describeText(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `the bigint ${value}`;
  if (typeof value === 'symbol') return 'a symbol';
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return `${value}`;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  return describeObject(value);
}

function describeObject(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    return `an instance of ${value.constructor.name}`;
  }
  const keys = Object.keys(value);
  if (keys.length === 0) return 'an empty object';
  return `an object with ${keys
    .slice(0, 3)
    .map((key) => shortened(key))
    .join(', ')}${keys.length > 3 ? ', ...' : ''}`;
}

function describeText(text: string): string {
  const characters = characterCount(text);
  return characters > 60
    ? `${JSON.stringify(shortened(text))} (${characters} characters)`
    : JSON.stringify(text);
}

/** An expectation that names the known words, or the one that was probably meant. */
export function oneOf(what: string, word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  if (meant !== undefined) return `${what} (did you mean ${JSON.stringify(meant)}?)`;
  return known.length <= 20 ? `${what}: ${known.join(', ')}` : what;
}

/** The findings of a failed zod parse whose messages are expectations (see `expectation`). */
export function fromZod(
  issues: readonly z.core.$ZodIssue[],
  root: unknown,
  keysAt: (at: Path) => readonly string[],
): Finding[] {
  return issues.flatMap((issue) => {
    const at = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    if (issue.code !== 'unrecognized_keys') {
      return [{ at, expected: issue.message, received: describe(valueAt(root, at)) }];
    }
    return issue.keys.map((key) => ({
      at: [...at, key],
      expected: oneOf('a known key', key, keysAt(at)),
      received: JSON.stringify(shortened(key)),
    }));
  });
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** Given to zod as the error map of a parse: what a value ought to be, where the schema does not say it itself. */
export function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_WORDS[issue.expected] ?? issue.expected;
    case 'too_small':
      return `a number of at least ${issue.minimum}`;
    case 'too_big':
      return `a number of at most ${issue.maximum}`;
    case 'invalid_value':
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    default:
      return undefined;
  }
}

/** What stands at a path, or undefined. */
function valueAt(root: unknown, at: Path): unknown {
  let value = root;
  for (const part of at) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** One error for all findings: a line each with source, position and path; `details.problems` holds them as data. */
export function invalid(
  code: ErrorCode,
  source: string,
  findings: readonly Finding[],
  locate: Locate = () => undefined,
): TreadleError {
  const problems = findings.map((finding) => toProblem(finding, locate)).toSorted(byPosition);
  const lines = problems.slice(0, MOST_LISTED).map((problem) => problemLine(source, problem));
  if (problems.length > MOST_LISTED) {
    lines.push(`${source}: and ${problems.length - MOST_LISTED} more problems`);
  }
  return new TreadleError(code, lines.join('\n'), { details: { source, problems } });
}

function toProblem({ at, expected, received }: Finding, locate: Locate): Problem {
  return { path: pathText(at), expected, received, ...locate(at) };
}

function byPosition(left: Problem, right: Problem): number {
  return (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0);
}

function problemLine(source: string, { path, expected, received, line, column }: Problem): string {
  const place =
    line === undefined
      ? [`${source}:`, path && `${path}:`]
      : [`${source}:${line}:${column}`, path && `${path}:`];
  return `${place.filter(Boolean).join(' ')} expected ${expected}, came ${received}`;
}
