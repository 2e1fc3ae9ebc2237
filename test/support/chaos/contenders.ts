// Who contends in an interleaving: two tasks of one template and two workers that serve it; and how each deed is done.
import type { Executor } from '../../../sql/database.ts';
import type { ClaimedStep } from '../../../sql/delivery.ts';
import { chooseEngine, moveTasks, type FleetEngine } from '../../../sql/fleet.ts';
import { recordOutcomes, type OutcomeRow } from '../../../sql/outcomes.ts';
import {
  claimSteps,
  heartbeat,
  registerWorker,
  takeBackLostSteps,
  writeStarts,
  type WorkerIdentity,
} from '../../../sql/steps.ts';
import { createTasks, registerTemplate, settleChangedTasks, startTasks } from '../../../sql/tasks.ts';
import { templateOf, uniqueName } from '../factories.ts';
import { subjectOf } from '../fleets.ts';
import { movable, moveLikeRails } from './rails-hand.ts';
import { HELD_BY, type Deed, type Hold, type Which } from './deeds.ts';
import type { Operation } from './interleaving.ts';

/** A fan-in, a chain and a step on its own: gates, single parents and siblings. */
const SHAPE = { a: [], b: [], c: ['a', 'b'], d: ['c'], e: ['a'] };
const ALLOWANCE = 3;

export interface Contest {
  readonly taskIds: readonly number[];
  readonly workers: readonly WorkerIdentity[];
  /** What each worker was ever given, and believes to hold still. */
  readonly given: readonly Given[][];
}

type Given = Pick<ClaimedStep, 'claim_id' | 'workflow_step_id' | 'step_name' | 'claim_token'>;

/** What all contests of a database share. */
export interface Arena {
  readonly db: Executor;
  readonly namedTaskId: number;
  readonly handler: string;
}

export async function openArena(db: Executor): Promise<Arena> {
  const handler = uniqueName('handler');
  const template = templateOf(SHAPE, { each: { handler_class: handler, default_retry_limit: ALLOWANCE } });
  return { db, namedTaskId: await registerTemplate(db, template, template), handler };
}

/** Two tasks in progress whose deadline has passed (nobody has looked yet), and two workers. */
export async function openContest({ db, namedTaskId, handler }: Arena): Promise<Contest> {
  const rows = [1, 2].map((n) => ({ identity_hash: uniqueName('identity'), context: { n } }));
  const taskIds = (await createTasks(db, namedTaskId, rows, { enqueued: true })).map(
    ({ task_id }) => task_id,
  );
  await startTasks(db, taskIds);
  await db.query(
    `insert into treadle.deadlines (task_id, deadline_at) select unnest($1::bigint[]), treadle.now()`,
    [taskIds],
  );
  return {
    taskIds,
    workers: [await newWorker(db, handler), await newWorker(db, handler)],
    given: [[], []],
  };
}

function newWorker(db: Executor, handler: string): Promise<WorkerIdentity> {
  return registerWorker(db, {
    name: uniqueName('worker'),
    handlers: [handler],
    capacity: 100,
    leaseSeconds: 3600,
  });
}

/** Removes all that a contest left, so that the next one finds an empty house. */
export async function closeContest({ db }: Arena): Promise<void> {
  await db.query(`
    with step_moves as (delete from public.tasker_workflow_step_transitions),
      task_moves as (delete from public.tasker_task_transitions),
      edges as (delete from public.tasker_workflow_step_edges),
      ready as (delete from treadle.ready_steps),
      gates as (delete from treadle.gates),
      claims as (delete from treadle.claims),
      wakeups as (delete from treadle.wakeups),
      open_tasks as (delete from treadle.open_tasks),
      deadlines as (delete from treadle.deadlines),
      pauses as (delete from treadle.pauses),
      choices as (delete from treadle.fleet_choices),
      moves as (delete from treadle.moving_named_tasks),
      moving as (delete from treadle.moving_tasks),
      for_rails as (delete from treadle.tasks_for_rails),
      changed as (delete from treadle.changed_tasks),
      workers as (delete from treadle.workers)
    select`);
  await db.query(
    `select treadle.sync_own_named_tasks(array(select named_task_id from public.tasker_named_tasks), false)`,
  );
  await db.query('delete from public.tasker_workflow_steps');
  await db.query('delete from public.tasker_tasks');
}

export function holdOf(hold: Hold): Operation {
  return { name: JSON.stringify(hold), run: (db) => holdRow(hold, db) };
}

/** A row that others have locked is left to them: whoever holds never waits. */
async function holdRow({ table, nth: index }: Hold, db: Executor): Promise<void> {
  const key = HELD_BY[table];
  const rows = await db.query<{ id: number }>(`select ${key} as id from ${table} order by 1`);
  const id = rows[index % Math.max(rows.length, 1)]?.id;
  if (id !== undefined) await db.query(`select from ${table} where ${key} = $1 for update skip locked`, [id]);
}

export function operationOf(deed: Deed, arena: Arena, contest: Contest): Operation {
  return { name: JSON.stringify(deed), run: (db) => carryOut(deed, db, arena, contest) };
}

async function carryOut(deed: Deed, db: Executor, arena: Arena, contest: Contest): Promise<void> {
  switch (deed.kind) {
    case 'claim':
      contest.given[deed.worker]?.push(
        ...(await claimSteps(db, workerOf(contest, deed.worker), [arena.handler], deed.capacity, {
          lateStart: deed.late ?? false,
        })),
      );
      return;
    case 'record':
      return record(deed, db, arena, contest);
    case 'write starts':
      await writeStarts(db, contest.given[deed.worker] ?? []);
      return;
    case 'start':
      await startTasks(db, chosen(contest, deed.which));
      return;
    case 'refresh':
      await db.query('select treadle.refresh_tasks($1)', [chosen(contest, deed.which)]);
      return;
    case 'worker dies':
      await db.query(
        `update treadle.workers set expires_at = treadle.now() - interval '1 second' where worker_id = $1`,
        [workerOf(contest, deed.worker).worker_id],
      );
      return;
    case 'heartbeat':
      await heartbeat(db, workerOf(contest, deed.worker), 3600);
      return;
    case 'settle':
      await settleChangedTasks(db, 100);
      return;
    case 'take back':
      await takeBackLostSteps(db);
      return;
    case 'sweep':
      await db.query(`select * from treadle.sweep_tasks(0, interval '0', interval '0', 100)`);
      return;
    case 'pause':
    case 'resume':
      await db.query(
        deed.kind === 'pause'
          ? `select treadle.pause('task', $1, 'test')`
          : `select treadle.resume('task', $1)`,
        [String(contest.taskIds[deed.task])],
      );
      return;
    case 'expire':
      await db.query('select treadle.expire_tasks(100)');
      return;
    case 'prune':
      await db.query(
        `select treadle.prune_tasks(
           array['complete', 'error', 'cancelled', 'resolved_manually'], interval '0', null, $1, '-infinity', 0, 100
         )`,
        [deed.complete],
      );
      return;
    case 'choose':
      return chooseEngineOf(arena, db, deed.engine);
    case 'move':
      await moveTasks(db, deed.limit);
      return;
    case 'complete step':
      return completeOne(deed, db, contest);
    case 'resume all':
      await db.query('select treadle.resume(scope, subject) from treadle.pauses');
      return;
    case 'cancel':
      await db.query(`select treadle.cancel_tasks($1, 'test')`, [chosen(contest, deed.which)]);
      return;
    case 'retry tasks':
      await db.query(`select treadle.retry_tasks($1, 'test')`, [chosen(contest, deed.which)]);
      return;
    case 'retry':
    case 'resolve':
    case 'resolve by force':
      return actAsOperator(deed, db);
    case 'rails resolves':
    case 'rails cancels':
      return writeAsRails(deed, db);
  }
}

async function chooseEngineOf({ namedTaskId }: Arena, db: Executor, engine: FleetEngine): Promise<void> {
  await chooseEngine(db, { subject: await subjectOf({ db, namedTaskId }), engine }, { by: 'test' });
}

/** Whatever was chosen, Treadle runs it from here on. */
export async function bringHome(arena: Arena): Promise<void> {
  const choices = await arena.db.query('select from treadle.fleet_choices');
  if (choices.length === 0) return;
  await chooseEngineOf(arena, arena.db, 'treadle');
  while (await moveTasks(arena.db, 100));
}

/** Any two steps, whatever their state; most are refused. */
async function actAsOperator(
  { kind: deed, nth: index }: Deed & { nth: number },
  db: Executor,
): Promise<void> {
  const steps = await db.query<{ id: number }>(
    'select workflow_step_id as id from public.tasker_workflow_steps order by 1',
  );
  const two = [steps[index % steps.length]?.id, steps[(index * 7 + 3) % steps.length]?.id];
  const force = deed === 'resolve by force';
  if (deed === 'retry') await db.query(`select treadle.retry_steps($1, 'test')`, [two]);
  else await db.query(`select treadle.resolve_steps($1, 'test', null, null, $2)`, [two, force]);
}

/** What a Rails app does with a step or a task. */
async function writeAsRails({ kind: deed, nth: index }: Deed & { nth: number }, db: Executor): Promise<void> {
  const [what, toState] =
    deed === 'rails resolves'
      ? (['workflow_step', 'resolved_manually'] as const)
      : (['task', 'cancelled'] as const);
  const ids = await movable(db, what, toState);
  const id = ids[index % Math.max(ids.length, 1)];
  if (id !== undefined) await moveLikeRails(db, what, id, toState);
}

function workerOf(contest: Contest, index: number): WorkerIdentity {
  const found = contest.workers[index];
  if (!found) throw new Error(`there is no worker ${index}`);
  return found;
}

function chosen({ taskIds }: Contest, wanted: Which): number[] {
  if (wanted === 'both') return [...taskIds];
  if (wanted === 'reversed') return taskIds.toReversed();
  return wanted === 'first' ? taskIds.slice(0, 1) : taskIds.slice(1);
}

/** As `this.transaction` of a handler ends: one step, by the token of its claim. */
async function completeOne(
  deed: Deed & { kind: 'complete step' },
  db: Executor,
  contest: Contest,
): Promise<void> {
  const given = contest.given[deed.worker] ?? [];
  const token = given[deed.nth % Math.max(given.length, 1)]?.claim_token;
  if (token !== undefined) await db.query(`select treadle.complete_step($1, '{}')`, [token]);
}

/** Answers all that this worker was ever given, in one statement: also what was taken from it, or answered before. */
async function record(
  deed: Deed & { kind: 'record' },
  db: Executor,
  arena: Arena,
  contest: Contest,
): Promise<void> {
  const given = contest.given[deed.worker] ?? [];
  const inOrder = deed.reversed ? given.toReversed() : given;
  const byStep = new Map(inOrder.map((claim) => [claim.workflow_step_id, claim])); // the last, or the first, of each
  const outcomes = [...byStep.values()].map((claim) => outcomeOf(claim, deed));
  if (outcomes.length === 0) return;
  const next = { handlers: [arena.handler], capacity: deed.takes ?? 0, lateStart: deed.late ?? false };
  const { claimed } = await recordOutcomes(db, workerOf(contest, deed.worker), outcomes, next);
  contest.given[deed.worker]?.push(...claimed);
}

function outcomeOf(
  { claim_id, workflow_step_id, step_name }: Given,
  { event, delayMs }: Deed & { kind: 'record' },
): OutcomeRow {
  if (event === 'complete')
    return { claim_id, workflow_step_id, step_name, event, results: '{}', metadata: {}, delay_ms: null };
  const code = event === 'release' ? 'released' : 'handler_error';
  return {
    claim_id,
    workflow_step_id,
    step_name,
    event,
    results: JSON.stringify({ error: 'it broke', error_class: 'Error', backtrace: '' }),
    metadata: { code },
    delay_ms: event === 'release' ? 0 : delayMs,
  };
}
