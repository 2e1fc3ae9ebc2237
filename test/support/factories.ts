// Templates, tasks and workers for tests, straight through the SQL functions: no engine, no queue. Every world has a
// template, a handler and a worker of its own, so that tests of one file cannot take each other's steps.
import { DEFAULT_BACKOFF } from '../../core/retry.ts';
import { parseTemplate, type StepTemplateInput, type TaskTemplate } from '../../core/template/template.ts';
import type { Json } from '../../core/json.ts';
import type { Executor } from '../../sql/database.ts';
import type { ClaimedStep } from '../../sql/delivery.ts';
import { recordOutcomes, type HandOver, type OutcomeRow, type Recorded } from '../../sql/outcomes.ts';
import { claimSteps, registerWorker, type WorkerIdentity } from '../../sql/steps.ts';
import { createTasks, registerTemplate, startTasks, type TaskRow } from '../../sql/tasks.ts';

/** A DAG as a test writes it: each step with its parents. */
export type Shape = Readonly<Record<string, readonly string[]>>;

export interface ShapeOptions {
  /** For every step. Default handler: the name of the step. */
  readonly each?: Partial<StepTemplateInput>;
  /** For some steps. */
  readonly steps?: Readonly<Record<string, Partial<StepTemplateInput>>>;
  readonly name?: string;
  readonly version?: string;
}

let counter = 0;

/** A name that no other call in this process returns. */
export function uniqueName(prefix: string): string {
  counter += 1;
  return `${prefix}_${process.pid}_${counter}`;
}

/** A template in the namespace `test`. */
export function templateOf(shape: Shape, { each, steps, ...head }: ShapeOptions = {}): TaskTemplate {
  return parseTemplate({
    namespace_name: 'test',
    name: uniqueName('task'),
    ...head,
    step_templates: Object.entries(shape).map(([name, parents]) => ({
      name,
      handler_class: name,
      depends_on_steps: [...parents],
      backoff: DEFAULT_BACKOFF,
      ...each,
      ...steps?.[name],
    })),
  });
}

/** One task of a template of its own, the worker that serves it, and the ids of its steps by name. */
export interface World {
  readonly db: Executor;
  readonly namedTaskId: number;
  readonly taskId: number;
  readonly stepIds: Readonly<Record<string, number>>;
  readonly handler: string;
  readonly worker: WorkerIdentity;
}

/** A created task that nothing has started. */
export async function createdWorld(
  db: Executor,
  shape: Shape,
  options: ShapeOptions & { readonly request?: Partial<TaskRow>; readonly leaseSeconds?: number } = {},
): Promise<World> {
  const { request, leaseSeconds, ...shaped } = options;
  const handler = uniqueName('handler');
  const template = templateOf(shape, { ...shaped, each: { handler_class: handler, ...options.each } });
  const namedTaskId = await registerTemplate(db, template, template);
  const worker = await newWorker(db, [handler], leaseSeconds);
  return taskIn({ db, namedTaskId, handler, worker }, request);
}

/** A task that runs: its first steps are ready. */
export async function startedWorld(...given: Parameters<typeof createdWorld>): Promise<World> {
  const world = await createdWorld(...given);
  await startTasks(world.db, [world.taskId]);
  return world;
}

/** Another running task of the same template, for the same worker. */
export async function sibling(world: World): Promise<World> {
  const other = await taskIn(world);
  await startTasks(world.db, [other.taskId]);
  return other;
}

async function taskIn(
  home: Pick<World, 'db' | 'namedTaskId' | 'handler' | 'worker'>,
  request: Partial<TaskRow> = {},
): Promise<World> {
  const row = { identity_hash: uniqueName('identity'), context: { order_id: 1 }, ...request };
  const [created] = await createTasks(home.db, home.namedTaskId, [row], { enqueued: true });
  if (!created) throw new Error('no task was created');
  return { ...home, taskId: created.task_id, stepIds: await stepIdsOf(home.db, created.task_id) };
}

export async function stepIdsOf(db: Executor, taskId: number): Promise<Record<string, number>> {
  const rows = await db.query<{ name: string; id: number }>(
    `select n.name, s.workflow_step_id as id
     from public.tasker_workflow_steps s
     join public.tasker_named_steps n using (named_step_id)
     where s.task_id = $1
     order by s.workflow_step_id`,
    [taskId],
  );
  return Object.fromEntries(rows.map(({ name, id }) => [name, id]));
}

export function newWorker(
  db: Executor,
  handlers: readonly string[],
  leaseSeconds = 60,
): Promise<WorkerIdentity> {
  return registerWorker(db, { name: uniqueName('worker'), handlers, capacity: 100, leaseSeconds });
}

/** The same task in the hands of another worker. */
export async function withOtherWorker(world: World): Promise<World> {
  return { ...world, worker: await newWorker(world.db, [world.handler]) };
}

export function idOf(world: World, step: string): number {
  const id = world.stepIds[step];
  if (id === undefined) throw new Error(`there is no step ${step} in this world`);
  return id;
}

/** Names of the steps that were claimed, in the order of their ids. */
export async function claim(world: World, capacity = 1000): Promise<string[]> {
  return namesOf(world, await claimSteps(world.db, world.worker, [world.handler], capacity));
}

/** The same; the in_progress rows of first attempts follow later. */
export async function claimLate(world: World, capacity = 1000): Promise<string[]> {
  const options = { lateStart: true };
  return namesOf(world, await claimSteps(world.db, world.worker, [world.handler], capacity, options));
}

function namesOf(world: World, steps: readonly ClaimedStep[]): string[] {
  const mine = steps.filter((step) => step.task_id === world.taskId);
  return mine.toSorted((a, b) => a.workflow_step_id - b.workflow_step_id).map((step) => step.step_name);
}

/** An outcome that does not say yet which claim it answers. */
export type Answer = Omit<OutcomeRow, 'claim_id'>;

export function completed(world: World, step: string, results: Json = { by: step }): Answer {
  const workflow_step_id = idOf(world, step);
  return {
    workflow_step_id,
    step_name: step,
    event: 'complete',
    results: JSON.stringify(results),
    metadata: {},
    delay_ms: null,
  };
}

/** A failure that may be tried again after so many milliseconds; null: for good. */
export function failed(world: World, step: string, delayMs: number | null = 60_000): Answer {
  const results = JSON.stringify({ error: 'it broke', error_class: 'Error', backtrace: 'at here' });
  const metadata = { code: delayMs === null ? 'permanent' : 'handler_error', error_message: 'it broke' };
  const workflow_step_id = idOf(world, step);
  return { workflow_step_id, step_name: step, event: 'fail', results, metadata, delay_ms: delayMs };
}

/** Answers to the claims that these steps have now; 0 stands for none. `refused` are steps whose answer did not count. */
export function record(world: World, ...answers: readonly Answer[]): Promise<Answered> {
  return recordAndTake(world, {}, ...answers);
}

type Answered = Recorded & { readonly refused: readonly number[] };

/** The same; the worker takes children of these steps in the statement that records them. Default: up to ten, late. */
export function handOver(
  world: World,
  taken: Partial<HandOver>,
  ...answers: readonly Answer[]
): Promise<Answered> {
  return recordAndTake(
    world,
    { handlers: [world.handler], capacity: 10, lateStart: true, ...taken },
    ...answers,
  );
}

async function recordAndTake(
  world: World,
  taken: Partial<HandOver>,
  ...answers: readonly Answer[]
): Promise<Answered> {
  const claims = await world.db.query<{ id: number; claim_id: number }>(
    'select workflow_step_id as id, claim_id from treadle.claims where workflow_step_id = any ($1)',
    [answers.map(({ workflow_step_id: id }) => id)],
  );
  const claimIds = new Map(claims.map(({ id, claim_id }) => [id, claim_id]));
  const outcomes = answers.map((answer) => ({
    ...answer,
    claim_id: claimIds.get(answer.workflow_step_id) ?? 0,
  }));
  const next = { handlers: [], capacity: 0, lateStart: false, ...taken };
  const recorded = await recordOutcomes(world.db, world.worker, outcomes, next);
  const late = new Set(recorded.refused_claim_ids);
  const refused = outcomes.filter(({ claim_id }) => late.has(claim_id)).map((row) => row.workflow_step_id);
  return { ...recorded, refused };
}

/** Claims whatever is ready and completes these steps of it. */
export async function carryOut(world: World, ...steps: readonly string[]): Promise<Recorded> {
  await claim(world);
  return record(world, ...steps.map((step) => completed(world, step)));
}

/** A transition as the Rails engine writes it: the old row first, no from_state, no metadata, columns untouched. */
export async function writeAsRails(
  db: Executor,
  what: 'workflow_step' | 'task',
  id: number,
  toState: string,
): Promise<void> {
  await db.query(
    `with current as (
       update public.tasker_${what}_transitions
       set most_recent = false, updated_at = now() at time zone 'UTC'
       where ${what}_id = $1 and most_recent
     )
     select`,
    [id],
  );
  await db.query(
    `insert into public.tasker_${what}_transitions
       (${what}_id, to_state, metadata, sort_key, most_recent, created_at, updated_at)
     select $1, $2, '{}', coalesce(max(sort_key), 0) + 10, true, now() at time zone 'UTC', now() at time zone 'UTC'
     from public.tasker_${what}_transitions
     where ${what}_id = $1`,
    [id, toState],
  );
}

/** Moves the clock of the engine ahead of the server's, for this database. */
export async function moveClock(db: Executor, seconds: number): Promise<void> {
  await db.query(
    `with before as (delete from treadle.clock returning shift)
     insert into treadle.clock (shift)
     select coalesce((select shift from before), interval '0') + make_interval(secs => $1)`,
    [seconds],
  );
}
