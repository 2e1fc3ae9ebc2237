// The fields of requests as zod schemas. Proto knows no missing text and no lengths: empty counts as not given, and what
// does not fit is answered with all wrong fields at once, before anything is done.
import { z } from 'zod';
import type { Json } from '../../../core/json.ts';
import { plainJson } from '../../../core/template/json-value.ts';
import { expectation, fromZod, invalid, pathText } from '../../../core/template/problems.ts';
import { characterCount, isStorableText } from '../../../core/template/text.ts';
import { STATES, type State } from '../../../core/vocabulary.ts';
import { State as WireState } from '../../../proto/gen/treadle/v1/client.ts';

/** @throws TreadleError `invalid_argument` that names every field with what was expected and what came */
export function parsed<Schema extends z.ZodType>(schema: Schema, request: unknown): z.output<Schema> {
  const result = schema.safeParse(request, { error: expectation });
  if (result.success) return result.data;
  throw invalid(
    'invalid_argument',
    'the request',
    fromZod(result.error.issues, request, () => []),
  );
}

export const id = z.number().refine((value) => value > 0, 'a number above 0');

/** Empty: undefined. */
export function optionalText(longest?: number) {
  const expected = longest === undefined ? 'text without U+0000' : `text of at most ${longest} characters`;
  return z
    .string()
    .refine((value) => isStorableText(value) && characterCount(value) <= (longest ?? Infinity), expected)
    .transform((value) => (value === '' ? undefined : value));
}

export function requiredText(longest: number) {
  return z.string().refine((value) => {
    return /\S/.test(value) && isStorableText(value) && characterCount(value) <= longest;
  }, `text of 1 to ${longest} characters`);
}

/** JSON text that Postgres can store; empty: undefined. */
export const jsonText = z.string().transform((text, check): Json | undefined => {
  if (text === '') return undefined;
  const problem = (expected: string): undefined => {
    check.addIssue({ code: 'custom', message: expected });
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return problem('JSON text');
  }
  const { json, findings } = plainJson(value);
  const [first] = findings;
  if (first) return problem(`${first.expected}${first.at.length === 0 ? '' : ` at ${pathText(first.at)}`}`);
  const rounded = roundedInteger(text);
  return rounded === undefined ? json : problem(`integers within 2^53 (as text beyond), not ${rounded}`);
});

const STRINGS_AND_NUMBERS = /"(?:[^"\\]+|\\.)*"|-?\d[\d.eE+-]*/g;

/** The first integer in a JSON text that a double cannot hold: reading it would change it without a word. */
function roundedInteger(text: string): string | undefined {
  if (!/\d{16}/.test(text)) return undefined;
  for (const [token] of text.matchAll(STRINGS_AND_NUMBERS)) {
    const digits = /^-?\d{16,}$/.test(token);
    if (digits && BigInt(token) !== BigInt(Number(token))) return token.slice(0, 40);
  }
  return undefined;
}

const iso = z.iso.datetime({ offset: true });

/** An instant with its zone; empty: undefined. */
export const instant = z
  .string()
  .refine(
    (text) => text === '' || iso.safeParse(text).success,
    'an ISO-8601 instant such as "2026-01-31T12:00:00Z"',
  )
  .transform((text) => (text === '' ? undefined : new Date(text)));

/** UNSPECIFIED: undefined. */
export const state = z
  .number()
  .refine(
    (value) => value === WireState.UNSPECIFIED || STATES[value - 1] !== undefined,
    'a state of the contract',
  )
  .transform((value): State | undefined => STATES[value - 1]);
