// Tasks, steps and templates as clients in other languages get them: JSON and instants cross as the text that Postgres
// makes of them, so that no digit is lost. Lists keep to namespaces. Nothing here changes a row.
import { TreadleError } from '../core/errors.ts';
import type { Runtime, State } from '../core/vocabulary.ts';
import type { Executor } from './database.ts';

/** A task. Instants are ISO-8601 in UTC with microseconds. */
export interface TaskDetail {
  readonly task_id: number;
  readonly namespace_name: string;
  readonly name: string;
  readonly version: string;
  readonly state: State;
  readonly state_since: string;
  readonly created_at: string;
  readonly context_json: string | null;
  readonly initiator: string | null;
  readonly source_system: string | null;
  readonly reason: string | null;
  readonly tags_json: string | null;
  readonly deadline_at: string | null;
  /** Of its current transition; rises with each. */
  readonly stamp: number;
}

export interface StepDetail {
  readonly task_id: number;
  readonly workflow_step_id: number;
  readonly name: string;
  readonly state: State;
  readonly attempts: number;
  readonly retry_limit: number;
  readonly results_json: string | null;
  /** Their names. */
  readonly parents: readonly string[];
  /** Null when it is done, or when too many others are more urgent. */
  readonly explanation: string | null;
  /** Of its current transition; rises with each. */
  readonly stamp: number;
}

/** In the order of their ids; those that do not exist are missing. */
export async function taskDetails(db: Executor, taskIds: readonly number[]): Promise<TaskDetail[]> {
  return db.query('select * from treadle.task_details($1)', [taskIds]);
}

/** Steps of a task as a whole that are explained beside those that wait for others: a tenth of a second's worth. */
const EXPLAINED_AT_ONCE = 100;
/** The same of steps that have just changed, which is asked many times a second. */
const EXPLAINED_OF_CHANGED = 10;

/** Steps that have just changed, in the order in which they were created. */
export async function changedStepDetails(db: Executor, stepIds: readonly number[]): Promise<StepDetail[]> {
  return db.query('select * from treadle.step_details($1, $2)', [stepIds, EXPLAINED_OF_CHANGED]);
}

/** All steps of these tasks. */
export async function stepDetailsOfTasks(db: Executor, taskIds: readonly number[]): Promise<StepDetail[]> {
  return db.query(
    `select * from treadle.step_details(
       array(select workflow_step_id from public.tasker_workflow_steps where task_id = any ($1)), $2
     )`,
    [taskIds, EXPLAINED_AT_ONCE],
  );
}

/** What changes when anything of a task does: both numbers only ever rise. */
export interface TaskStamp {
  readonly task_id: number;
  readonly stamp: number;
  /** The sum of the stamps of its steps. */
  readonly steps_stamp: number;
}

export async function taskStamps(db: Executor, taskIds: readonly number[]): Promise<TaskStamp[]> {
  return db.query('select * from treadle.task_stamps($1)', [taskIds]);
}

/** The stamps of those steps of these tasks that have left their first state. */
export async function stepStamps(
  db: Executor,
  taskIds: readonly number[],
): Promise<{ task_id: number; workflow_step_id: number; stamp: number }[]> {
  return db.query(
    `select s.task_id, s.workflow_step_id, c.id as stamp
     from public.tasker_workflow_steps s
     join public.tasker_workflow_step_transitions c
       on c.workflow_step_id = s.workflow_step_id and c.most_recent
     where s.task_id = any ($1)`,
    [taskIds],
  );
}

export interface TaskPage {
  /** Undefined: any. */
  readonly namespaces: readonly string[] | undefined;
  readonly name: string | undefined;
  readonly state: State | undefined;
  /** Only tasks with a smaller id: the last one of the page before. */
  readonly before: number | undefined;
  readonly limit: number;
}

/** The newest first. */
export async function pageOfTasks(db: Executor, page: TaskPage): Promise<TaskDetail[]> {
  return db.query(
    `select d.*
     from treadle.task_details(array(
       select p.task_id
       from treadle.page_of_tasks($1, treadle.named_tasks_in($2, $3), null, $4, $5) p
     )) d
     order by d.task_id desc`,
    [page.state ?? null, page.namespaces ?? null, page.name ?? null, page.before ?? null, page.limit],
  );
}

export async function listNamespaces(db: Executor): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    'select name from public.tasker_task_namespaces order by name',
  );
  return rows.map(({ name }) => name);
}

/** The namespace of a task; undefined when there is no such task. */
export async function namespaceOfTask(db: Executor, taskId: number): Promise<string | undefined> {
  const [row] = await db.query<{ name: string }>(
    `select s.name
     from public.tasker_tasks t
     join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
     join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
     where t.task_id = $1`,
    [taskId],
  );
  return row?.name;
}

/** The namespace of the task of a step; undefined when there is no such step. */
export async function namespaceOfStep(db: Executor, stepId: number): Promise<string | undefined> {
  const [row] = await db.query<{ name: string }>(
    `select s.name
     from public.tasker_workflow_steps w
     join public.tasker_tasks t on t.task_id = w.task_id
     join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
     join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
     where w.workflow_step_id = $1`,
    [stepId],
  );
  return row?.name;
}

export interface TemplateDetail {
  readonly namespace_name: string;
  readonly name: string;
  readonly version: string;
  readonly description: string | null;
  /** JSON Schema of the context. */
  readonly schema_json: string | null;
  readonly steps: readonly {
    readonly name: string;
    readonly handler: string;
    /** Null: the template does not say it. */
    readonly runtime: Runtime | null;
    readonly depends_on_steps: readonly string[];
  }[];
}

/** All of these namespaces (undefined: of any), without their steps. */
export async function listTemplateDetails(
  db: Executor,
  namespaces: readonly string[] | undefined,
): Promise<TemplateDetail[]> {
  return db.query('select * from treadle.template_details(null, $1)', [namespaces ?? null]);
}

export interface WantedTemplate {
  readonly namespace_name: string;
  readonly name: string;
  /** Undefined: the latest, by number. */
  readonly version?: string | undefined;
}

/** Throws `unknown_template`. */
export async function templateDetail(db: Executor, wanted: WantedTemplate): Promise<TemplateDetail> {
  const [row] = await db.query<TemplateDetail>(
    `select d.*
     from treadle.find_named_task($1, $2, $3) as found (named_task_id)
     cross join lateral treadle.template_details(found.named_task_id, null) d
     where found.named_task_id is not null`,
    [wanted.namespace_name, wanted.name, wanted.version ?? null],
  );
  if (row) return row;
  throw unknownTemplate(wanted);
}

export function unknownTemplate(wanted: WantedTemplate): TreadleError {
  const { namespace_name, name, version } = wanted;
  const called = `${namespace_name}/${name}${version === undefined ? '' : `@${version}`}`;
  return new TreadleError('unknown_template', `no template is registered for ${called}`, {
    details: { ...wanted },
  });
}
