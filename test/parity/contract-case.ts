// A case of the contract: what a step is given, what its handler does on each attempt, and the rows and events that follow.
// The files in contract/ are language-neutral; `ContractHandler` of each language acts them out, and all must end the same.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Json } from '../../core/json.ts';
import { FAILURE_CODES } from '../../core/outcome.ts';
import { STATES } from '../../core/vocabulary.ts';

const LANGUAGES = ['typescript', 'python', 'ruby'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Any JSON; an object with the key `$make` or `$by_language` stands for what JSON cannot say (contract-values.ts). */
const value = z.custom<Json>((given) => given !== undefined, 'JSON'); // as it is: zod's own copies lose the key __proto__

/** A text, or one per language, or a part that it holds. */
const text = z.union([
  z.string(),
  z.strictObject({ typescript: z.string().exactOptional(), python: z.string(), ruby: z.string() }),
  z.strictObject({ contains: z.string() }),
]);
export type ExpectedText = z.infer<typeof text>;

const thrown = z.strictObject({
  kind: z.enum(['permanent', 'retryable', 'plain', 'exit']),
  message: value,
  error_code: z.string().exactOptional(),
  retry_after: z.number().exactOptional(),
});
export type Thrown = z.infer<typeof thrown>;

/** What the handler does on one attempt, in this order. */
const deed = z.strictObject({
  /** In the `before` hook. */
  before_throws: thrown.exactOptional(),
  /** Looks at `step.results` without changing it. */
  reads_results: z.literal(true).exactOptional(),
  sets_results: value.exactOptional(),
  /** Puts these into `step.results` in place. */
  adds_to_results: z.record(z.string(), value).exactOptional(),
  sleeps_seconds: z.number().exactOptional(),
  /** Until it is told to stop. */
  waits_for_stop: z.literal(true).exactOptional(),
  kills_its_process: z.literal(true).exactOptional(),
  throws: thrown.exactOptional(),
  /** Returns what it was given. */
  shows: z
    .enum(['context', 'config', 'parents', 'step', 'task', 'limit', 'earlier_results', 'a_stranger'])
    .exactOptional(),
  returns: value.exactOptional(),
  /** In `processResults`: sets this instead of what was returned. */
  process_results_sets: value.exactOptional(),
  process_results_throws: thrown.exactOptional(),
  /** In the `after` hook. */
  after_throws: thrown.exactOptional(),
});
export type Deed = z.infer<typeof deed>;

const failure = z.strictObject({
  code: z.enum(FAILURE_CODES),
  error: text,
  error_class: text.exactOptional(),
  error_code: z.string().exactOptional(),
});

const expected = z.strictObject({
  task: z.enum(STATES),
  step: z.enum(STATES),
  attempts: z.int(),
  /** Of a failed step: what is kept beside error, error_class and backtrace. */
  results: value,
  /** States in order; a failure with its code, as `error:permanent`. */
  transitions: z.array(z.string()),
  /** Of the last attempt that failed. */
  failure: failure.exactOptional(),
  /** What an engine publishes of the step. */
  events: z.array(z.string()),
  /** What the handler noted, as `1 process`: the number of the attempt and a word. Absent: not looked at. */
  journal: z.array(z.string()).exactOptional(),
  /** At least so long from the first failure to the next start. */
  waited_seconds: z.number().exactOptional(),
});
export type Expected = z.infer<typeof expected>;

const contractCase = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9_]+$/),
    about: z.string(),
    only: z.array(z.enum(LANGUAGES)).exactOptional(),
    why_only: z.string().exactOptional(),
    /** `CheckedContractHandler` declares schemas for context, needs, config and output. */
    handler: z
      .enum(['ContractHandler', 'CheckedContractHandler', 'DeadlyContractHandler'])
      .default('ContractHandler'),
    step: z
      .strictObject({
        retry_limit: z.int().default(3),
        timeout_seconds: z.number().exactOptional(),
        handler_config: z.record(z.string(), value).default({}),
      })
      .default({ retry_limit: 3, handler_config: {} }),
    context: z.record(z.string(), value).default({ order_id: 1 }),
    /** Direct parents with the results that they have. */
    parents: z.record(z.string(), value).default({}),
    /** An operator cancels the task once the handler works. */
    cancelled_while_running: z.literal(true).exactOptional(),
    /** One for each attempt; the last one again for those after it. */
    does: z.array(deed).min(1),
    expect: expected,
  })
  .refine(
    (one) => (one.only === undefined) === (one.why_only === undefined),
    'only and why_only go together',
  );
export type ContractCase = z.output<typeof contractCase>;

export const CONTRACT_FOLDER = join(import.meta.dirname, 'contract');

/** All cases. Throws when a file does not fit, or is not called after its case. */
export function readContract(): ContractCase[] {
  const files = readdirSync(CONTRACT_FOLDER).filter((file) => file.endsWith('.json'));
  return files.map((file) => {
    const parsed = contractCase.safeParse(JSON.parse(readFileSync(join(CONTRACT_FOLDER, file), 'utf8')));
    if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
    const { name } = parsed.data;
    if (basename(file, '.json') !== name) throw new Error(`${file} holds the case ${name}`);
    return parsed.data;
  });
}

/** Those that a language can act out. */
export function casesOf(language: Language): ContractCase[] {
  return readContract().filter(({ only }) => only === undefined || only.includes(language));
}
