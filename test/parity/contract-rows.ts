// What the database says of the subject of a case, in the words of the contract. The twins in python/ and ruby/ ask the same.
import type { Json, JsonObject } from '../../core/json.ts';
import type { Executor } from '../../sql/database.ts';
import { stateOfTask, trailOf, type TrailRow } from '../support/trail.ts';
import type { Expected, ExpectedText, Language } from './contract-case.ts';
import { valueOf } from './contract-values.ts';

/** Those of a failure: what the handler had left stands beside them. */
const ERROR_KEYS = ['error', 'error_class', 'backtrace', 'error_code'];

export interface Actual {
  readonly task: string;
  readonly step: string;
  readonly attempts: number;
  readonly transitions: readonly string[];
  readonly failure: JsonObject | undefined;
  /** Seconds from the first failure to the start after it. */
  readonly waited_seconds: number;
}

export async function actualOf(db: Executor, taskId: number): Promise<Actual> {
  const [step] = await db.query<{ id: number; attempts: number; error_code: string | null }>(
    `select workflow_step_id as id, attempts, results ->> 'error_code' as error_code
     from public.tasker_workflow_steps
     join public.tasker_named_steps n using (named_step_id)
     where task_id = $1 and n.name = 'subject'`,
    [taskId],
  );
  const { id, attempts, error_code } = step ?? { id: 0, attempts: 0, error_code: null };
  const trail = await trailOf(db, 'workflow_step', id);
  const failed = trail.filter(({ to_state }) => to_state === 'error').map(({ metadata }) => metadata);
  const failure = failed.at(-1);
  return {
    task: await stateOfTask(db, taskId),
    step: trail.at(-1)?.to_state ?? 'pending',
    attempts: attempts ?? 0,
    transitions: pathOf(trail),
    failure: failure && { ...failure, error_code },
    waited_seconds: await waitedSeconds(db, id),
  };
}

/** The states that a trail went through; a failure with its code, as `error:permanent`. */
export function pathOf(trail: readonly TrailRow[]): string[] {
  return trail.map(({ to_state, metadata }) =>
    to_state === 'error' ? `error:${textAt(metadata, 'code')}` : to_state,
  );
}

function textAt(facts: JsonObject | undefined, key: string): string {
  const text = facts?.[key];
  return typeof text === 'string' ? text : '';
}

async function waitedSeconds(db: Executor, stepId: number): Promise<number> {
  const [row] = await db.query<{ waited: number | null }>(
    `select extract(epoch from min(b.created_at) - min(a.created_at))::float as waited
     from public.tasker_workflow_step_transitions a
     join public.tasker_workflow_step_transitions b
       on b.workflow_step_id = a.workflow_step_id and b.sort_key > a.sort_key and b.to_state = 'in_progress'
     where a.workflow_step_id = $1 and a.to_state = 'error'`,
    [stepId],
  );
  return row?.waited ?? 0;
}

/** The results as text and whether they are what is expected: Postgres compares, as to it 1.0 is 1 and no digit is lost. */
export async function resultsOf(
  db: Executor,
  taskId: number,
  expected: Json,
): Promise<{ same: boolean; actual: string | null }> {
  const [row] = await db.query<{ same: boolean; actual: string | null }>(
    `select kept is not distinct from $2::jsonb as same, left(kept::text, 200) as actual
     from public.tasker_workflow_steps
     join public.tasker_named_steps n using (named_step_id)
     cross join lateral (
       select case when jsonb_typeof(results) = 'object' then results - $3::text[] else results end as kept
     ) k
     where task_id = $1 and n.name = 'subject'`,
    [taskId, JSON.stringify(valueOf(expected)), ERROR_KEYS],
  );
  return row ?? { same: false, actual: null };
}

/** Whether a text is what the contract expects of this language. */
export function fits(expected: ExpectedText, actual: string, language: Language): boolean {
  if (typeof expected === 'string') return actual === expected;
  if ('contains' in expected) return actual.includes(expected.contains);
  return actual === expected[language];
}

/** How an ended case differs from what is expected; empty when it does not. */
export async function differences(
  db: Executor,
  taskId: number,
  expect: Expected,
  language: Language,
): Promise<string[]> {
  const actual = await actualOf(db, taskId);
  const results = await resultsOf(db, taskId, expect.results);
  const of = (what: string, wanted: unknown, got: unknown) =>
    JSON.stringify(wanted) === JSON.stringify(got)
      ? []
      : [`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`];
  return [
    ...of('transitions', expect.transitions, actual.transitions),
    ...of('task', expect.task, actual.task),
    ...of('step', expect.step, actual.step),
    ...of('attempts', expect.attempts, actual.attempts),
    ...(results.same ? [] : [`results: expected ${JSON.stringify(expect.results)}, got ${results.actual}`]),
    ...failureDifferences(expect.failure, actual.failure, language),
    ...(actual.waited_seconds >= (expect.waited_seconds ?? 0) ? [] : [`waited ${actual.waited_seconds} s`]),
  ];
}

function failureDifferences(
  expected: Expected['failure'],
  actual: JsonObject | undefined,
  language: Language,
): string[] {
  if (!expected) return actual ? [`failure: expected none, got ${JSON.stringify(actual)}`] : [];
  const { code, error, error_class: errorClass, error_code: errorCode = '' } = expected;
  const got = {
    code: textAt(actual, 'code'),
    error: textAt(actual, 'error_message'),
    error_class: textAt(actual, 'error_class'),
    error_code: textAt(actual, 'error_code'),
  };
  return [
    ...(fits(code, got.code, language) ? [] : [`code: expected ${code}, got ${got.code}`]),
    ...(fits(error, got.error, language)
      ? []
      : [`error: expected ${JSON.stringify(error)}, got ${got.error}`]),
    ...(errorClass === undefined || fits(errorClass, got.error_class, language)
      ? []
      : [`error_class: expected ${JSON.stringify(errorClass)}, got ${got.error_class}`]),
    ...(fits(errorCode, got.error_code, language)
      ? []
      : [`error_code: expected ${errorCode}, got ${got.error_code}`]),
  ];
}
