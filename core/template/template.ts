// What a task template is: the keys of the Rails engine's YAML as one zod-checked, normalised value. Everything that
// holds a TaskTemplate may rely on it: names are known and unique, no cycles, defaults filled, every environment sound.
import { z } from 'zod';
import type { JsonObject } from '../json.ts';
import { concurrencySchema, limitKeysAt, rateSchema } from '../limits/limits.ts';
import { backoffSchema } from '../retry.ts';
import { SCHEDULE_KEYS, scheduleSchema } from '../schedule/schedule.ts';
import { DEFAULTS, LIMITS, RUNTIMES } from '../vocabulary.ts';
import { deadlineSeconds } from './deadline.ts';
import { environmentFindings, normalisedOverlay } from './overlay.ts';
import { mergeEnvironment } from './merge.ts';
import { isJsonObject, plainJson } from './json-value.ts';
import type { Finding, Locate, Path } from './problems.ts';
import { describe, expectation, fromZod, invalid } from './problems.ts';
import { characterCount } from './text.ts';
import { brokenRules, dependenciesOf } from './rules.ts';

const LARGEST_INT32 = 2_147_483_647;
/** setTimeout counts milliseconds in 31 bits and fires at once beyond them: about 24 days. */
const LONGEST_TIMEOUT_SECONDS = 2_147_483;

function text(longest: number) {
  return z.string(`text of 1 to ${longest} characters`).refine((value) => {
    return /\S/.test(value) && characterCount(value) <= longest;
  }, `text of 1 to ${longest} characters`);
}

function wholeNumber(least: number, most: number, remark = '') {
  const expected = `a whole number from ${least} to ${most}${remark}`;
  return z.int(expected).min(least, expected).max(most, expected);
}

const jsonObject = z.custom<JsonObject>((value) => isJsonObject(value as JsonObject), 'an object');
const version = z
  .string('a version such as "1.2.3" (in quotes)')
  .regex(/^\d+\.\d+\.\d+$/, 'a version such as "1.2.3"')
  .max(LIMITS.version, `a version of at most ${LIMITS.version} characters`);
const timeout = `a number of seconds above 0, at most ${LONGEST_TIMEOUT_SECONDS}`;
const handlerName = text(255);
const description = z
  .string(`text of at most ${LIMITS.description} characters`)
  .refine(
    (value) => characterCount(value) <= LIMITS.description,
    `text of at most ${LIMITS.description} characters`,
  );

const customEventSchema = z.strictObject({ name: text(255), description: z.string().exactOptional() });

const stepTemplateSchema = z.strictObject({
  name: text(LIMITS.step_name),
  handler_class: handlerName,
  /** Where the handler runs, in all steps of all templates. Not given: wherever it is offered. */
  runtime: z.enum(RUNTIMES).exactOptional(),
  description: description.exactOptional(),
  dependent_system: text(LIMITS.system_name).exactOptional(),
  default_retryable: z.boolean().default(DEFAULTS.retryable),
  default_retry_limit: wholeNumber(
    1,
    LARGEST_INT32,
    ' (all attempts counted; with 0 it would never run)',
  ).default(DEFAULTS.retry_limit),
  skippable: z.boolean().default(DEFAULTS.skippable),
  depends_on_step: text(LIMITS.step_name).exactOptional(),
  depends_on_steps: z.array(text(LIMITS.step_name)).default([]),
  handler_config: jsonObject.exactOptional(),
  custom_events: z.array(customEventSchema).exactOptional(),
  timeout_seconds: z.number(timeout).gt(0, timeout).max(LONGEST_TIMEOUT_SECONDS, timeout).exactOptional(),
  backoff: backoffSchema.exactOptional(),
  /** Of steps that are ready the highest is taken first; of jobs that wait, the one with the highest step. Default 0. */
  priority: wholeNumber(-100, 100).exactOptional(),
  /** How many steps of this name run at once, and how many start within a period, in the tasks of all versions. */
  concurrency: concurrencySchema.exactOptional(),
  rate: rateSchema.exactOptional(),
});

/** The template as written, after zod filled its defaults and before it is normalised. */
const taskTemplateSchema = z.strictObject({
  name: text(LIMITS.task_name),
  namespace_name: text(LIMITS.namespace_name).default(DEFAULTS.namespace_name),
  version: version.default(DEFAULTS.version),
  description: description.exactOptional(),
  task_handler_class: handlerName.exactOptional(),
  module_namespace: handlerName.exactOptional(),
  concurrent: z.boolean().exactOptional(),
  identity_strategy: z.enum(['uuid', 'hash']).exactOptional(),
  deadline_seconds: deadlineSeconds.exactOptional(),
  default_dependent_system: text(LIMITS.system_name).exactOptional(),
  named_steps: z.array(text(LIMITS.step_name)).exactOptional(),
  schema: jsonObject.exactOptional(),
  /** When tasks of this template begin by themselves: one schedule, or a list of them with names. */
  schedule: z.union([scheduleSchema, z.array(scheduleSchema)]).exactOptional(),
  /** The same for all steps of all tasks of this name together. */
  concurrency: concurrencySchema.exactOptional(),
  rate: rateSchema.exactOptional(),
  environments: z.record(z.string(), jsonObject).exactOptional(),
  step_templates: z.array(stepTemplateSchema).min(1, 'at least one step'),
});

/** A union of schemas cannot say what was expected; each of its sides can. */
const withOneSchedule = taskTemplateSchema.extend({ schedule: scheduleSchema.exactOptional() });
const withSchedules = taskTemplateSchema.extend({ schedule: z.array(scheduleSchema) });

type WrittenTemplate = z.output<typeof taskTemplateSchema>;
type WrittenStep = WrittenTemplate['step_templates'][number];

/** A step of a template, normalised: all parents in `depends_on_steps`, the system filled in. */
export interface StepTemplate extends Omit<WrittenStep, 'depends_on_step' | 'dependent_system'> {
  dependent_system: string;
}

/** A task template, normalised; parsing it again changes nothing. */
export interface TaskTemplate extends Omit<WrittenTemplate, 'step_templates'> {
  step_templates: StepTemplate[];
}

/** What `parseTemplate` takes: the same keys, those with defaults optional. */
export type TaskTemplateInput = z.input<typeof taskTemplateSchema>;
export type StepTemplateInput = z.input<typeof stepTemplateSchema>;

/**
 * Checks a value and returns the normalised template. Throws TreadleError `invalid_template` whose message names the
 * source and lists every problem, one a line: path, what was expected, what came. `locate` adds lines and columns.
 */
export function parseTemplate(value: unknown, source = 'template', locate?: Locate): TaskTemplate {
  const { json, findings } = plainJson(value);
  if (findings.length > 0) throw invalid('invalid_template', source, findings, locate);
  if (!isJsonObject(json)) {
    const root: Finding = { at: [], expected: 'a task template (an object)', received: describe(value) };
    throw invalid('invalid_template', source, [root], locate);
  }
  const base = check(json);
  const all = [
    ...base.findings,
    ...environmentFindings(json, base.findings, (merged) => check(merged).findings),
  ];
  if (!base.template || all.length > 0) throw invalid('invalid_template', source, all, locate);
  return withEnvironments(base.template, json);
}

interface Checked {
  readonly template: TaskTemplate | undefined;
  readonly findings: readonly Finding[];
}

/** Field by field with zod and between the fields with the rules; environments are left alone. */
function check(json: JsonObject): Checked {
  const schema = Array.isArray(json['schedule']) ? withSchedules : withOneSchedule;
  const parsed = schema.safeParse(json, { error: expectation });
  const fields = parsed.success ? [] : fromZod(parsed.error.issues, json, keysAt);
  const findings = [...fields, ...brokenRules(json)];
  return {
    findings,
    template: parsed.success && findings.length === 0 ? normalised(parsed.data) : undefined,
  };
}

function normalised(written: WrittenTemplate): TaskTemplate {
  const system = written.default_dependent_system ?? DEFAULTS.dependent_system;
  return { ...written, step_templates: written.step_templates.map((step) => normalisedStep(step, system)) };
}

function normalisedStep(written: WrittenStep, system: string): StepTemplate {
  const { depends_on_step: _one, ...step } = written;
  return {
    ...step,
    dependent_system: step.dependent_system ?? system,
    depends_on_steps: dependenciesOf({ ...written }),
  };
}

/** Rewrites the overlays so that they mean the same on the normalised base as they did on the base as written. */
function withEnvironments(template: TaskTemplate, written: JsonObject): TaskTemplate {
  if (!template.environments) return template;
  const environments = Object.entries(template.environments).map(([name, overlay]) => {
    const merged = check(mergeEnvironment(written, overlay)).template;
    return [name, merged ? normalisedOverlay(overlay, template, merged) : overlay];
  });
  return { ...template, environments: Object.fromEntries(environments) as Record<string, JsonObject> };
}

const TASK_KEYS = Object.keys(taskTemplateSchema.shape);
const STEP_KEYS = Object.keys(stepTemplateSchema.shape);

/** The keys known at a path, for suggestions. */
function keysAt(at: Path): readonly string[] {
  if (at.length === 0) return TASK_KEYS;
  if (at[0] === 'schedule') return SCHEDULE_KEYS;
  const limitKeys = limitKeysAt(at.at(-1));
  if (limitKeys) return limitKeys;
  if (at.length === 2) return STEP_KEYS;
  return Object.keys(at[2] === 'backoff' ? backoffSchema.shape : customEventSchema.shape);
}
