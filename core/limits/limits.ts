// What a template may say of limits: how many steps run at once (concurrency) and how many start within a period (rate),
// each counted together or, with a key, for each value of the key apart. The numbers are enforced where steps are claimed.
import { z } from 'zod';
import { TreadleError } from '../errors.ts';
import { PERIOD_EXPECTED, periodMs } from './period.ts';

const LARGEST = 2_147_483_647;
const LARGEST_RATE = 1_000_000;
const LONGEST_KEY = 255;
const PLACEHOLDER = /\{\{\s*context\.[^{}\s]+\s*\}\}/g;
const KEY_EXPECTED = `a key such as "{{ context.customer_id }}", at most ${LONGEST_KEY} characters`;

function amount(most: number) {
  const expected = `a whole number from 1 to ${most}`;
  return z.int(expected).min(1, expected).max(most, expected);
}

const limitKey = z
  .string(KEY_EXPECTED)
  .max(LONGEST_KEY, KEY_EXPECTED)
  .refine((key) => /\S/.test(key) && !/\{\{|\}\}/.test(key.replaceAll(PLACEHOLDER, '')), KEY_EXPECTED);

/** `concurrency: { limit: 1, key: "{{ context.customer_id }}" }` */
export const concurrencySchema = z.strictObject({ limit: amount(LARGEST), key: limitKey.exactOptional() });

/** `rate: { limit: 100, per: "1m" }` */
export const rateSchema = z.strictObject({
  limit: amount(LARGEST_RATE),
  per: z.string(PERIOD_EXPECTED).refine((per) => periodMs(per) !== undefined, PERIOD_EXPECTED),
  key: limitKey.exactOptional(),
});

/** The keys of a limit in a template, for suggestions; undefined when `part` is none. */
export function limitKeysAt(part: string | number | undefined): readonly string[] | undefined {
  if (part === 'concurrency') return Object.keys(concurrencySchema.shape);
  return part === 'rate' ? Object.keys(rateSchema.shape) : undefined;
}

export interface Rate {
  readonly limit: number;
  readonly per_ms: number;
}

/** A rate in one word, as the command line takes it: `100/1m`. Throws `invalid_argument`. */
export function parseRate(text: string): Rate {
  const [limitText = '', per = '', ...rest] = text.split('/');
  const [limit, per_ms] = [Number(limitText), periodMs(per)];
  if (
    !/^\d+$/.test(limitText) ||
    limit < 1 ||
    limit > LARGEST_RATE ||
    per_ms === undefined ||
    rest.length > 0
  ) {
    const message = `expected a rate like 100/1m (1 to ${LARGEST_RATE} starts in a period), came "${text}"`;
    throw new TreadleError('invalid_argument', message);
  }
  return { limit, per_ms };
}
