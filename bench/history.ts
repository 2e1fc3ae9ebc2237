// A database as it looks after a long life: half of its tasks are finished, the others run, wait for a retry or have not
// begun. Written set-based, straight into the tables; the derived rows are then built by Treadle itself.
import { Templates } from '../engine/templates.ts';
import { parseTemplate } from '../core/template/template.ts';
import type { Database, Executor } from '../sql/database.ts';

/** Every task of the history has these, in this order. */
export const STEPS: Readonly<Record<string, readonly string[]>> = {
  s1: [],
  s2: ['s1'],
  s3: ['s1'],
  s4: ['s1'],
  s5: ['s2', 's3'],
  s6: ['s3', 's4'],
  s7: ['s2', 's4'],
  s8: ['s5', 's6'],
  s9: ['s6', 's7'],
  s10: ['s8', 's9'],
};
const STEPS_PER_TASK = Object.keys(STEPS).length;

/** How far a task has come, by the last digit of its id; the digits that are missing (0 to 4) stand for finished ones. */
const PROGRESS = [
  { digit: 5, done: [1], other: {} }, // s2, s3 and s4 are ready
  { digit: 6, done: [1, 2, 3, 4], other: {} }, // s5, s6 and s7 are ready
  { digit: 7, done: [1, 2, 3, 4, 5, 6], other: { 7: 'in_progress' } }, // s8 is ready
  { digit: 8, done: [1, 3, 4, 6], other: { 2: 'error' } }, // the task sleeps until s2 may try again
  { digit: 9, done: [], other: {} }, // not started
] as const;
const taskStates = (digit: string): string => `case ${digit} when 8 then 'pending' when 9 then null
  when 5 then 'in_progress' when 6 then 'in_progress' when 7 then 'in_progress' else 'complete' end`;

const TABLES = [
  'tasker_tasks',
  'tasker_task_transitions',
  'tasker_workflow_steps',
  'tasker_workflow_step_transitions',
  'tasker_workflow_step_edges',
];

/**
 * Fills a fresh database with so many steps. Its ids begin at 1 and have no holes. Of the first `youngTasks` tasks half are
 * unfinished (with `allRunning` all of them run), all later ones are finished.
 */
export async function writeHistory(
  database: Database,
  steps: number,
  youngTasks: number = Math.ceil(steps / STEPS_PER_TASK),
  { allRunning = false }: { readonly allRunning?: boolean } = {},
): Promise<void> {
  const young = allRunning ? '5 + task_id % 3' : 'task_id % 10';
  const digit = `case when task_id <= ${youngTasks} then ${young} else 0 end`;
  const namedTaskId = await registerHistoryTemplate(database);
  await database.transaction(async (tx) => {
    // Loading in production's way would take ten times as long and measure nothing: no triggers, indexes at the end.
    await tx.query(`set local treadle.writing = 'on'`);
    await tx.query(`set local maintenance_work_mem = '256MB'`);
    await skipForeignKeys(tx);
    const indexes = await dropIndexes(tx);
    await writeTasks(tx, { namedTaskId, tasks: Math.ceil(steps / STEPS_PER_TASK), digit });
    await writeSteps(tx, namedTaskId);
    await writeTransitions(tx, digit);
    for (const definition of indexes) {
      // oxlint-disable-next-line no-await-in-loop -- one connection, one after the other
      await tx.query(definition);
    }
  });
  await database.query('vacuum analyze'); // before the rebuild, which chooses plans by these numbers
  await database.query(
    `select treadle.refresh_tasks(array(
       select task_id from tasker_task_transitions where most_recent and to_state = 'in_progress'
     ))`,
  );
  await database.query('vacuum analyze');
}

/** The template of the history's tasks; returns its named_task_id. */
export async function registerHistoryTemplate(database: Database): Promise<number> {
  const template = parseTemplate({
    namespace_name: 'bench',
    name: 'history',
    version: '1.0.0',
    step_templates: Object.entries(STEPS).map(([name, depends_on_steps]) => ({
      name,
      depends_on_steps,
      handler_class: 'NoopHandler',
    })),
  });
  const [registered] = await new Templates(database, 'development').register([template]);
  if (!registered) throw new Error('the template of the history was not registered');
  return registered.named_task_id;
}

/** Only a superuser may; for others the load takes longer, that is all. */
export async function skipForeignKeys(tx: Executor): Promise<void> {
  await tx.query(
    `do $$ begin
       set local session_replication_role = replica;
     exception when insufficient_privilege then null;
     end $$`,
  );
}

/** Drops what no constraint needs. Returns the statements that bring it back. */
export async function dropIndexes(tx: Executor): Promise<string[]> {
  const indexes = await tx.query<{ name: string; definition: string }>(
    `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
     from pg_index i
     where i.indrelid = any ($1::text[]::regclass[]) and not i.indisprimary`,
    [TABLES],
  );
  await tx.query(`drop index ${indexes.map(({ name }) => name).join(', ')}`);
  return indexes.map(({ definition }) => definition);
}

async function writeTasks(
  tx: Executor,
  { namedTaskId, tasks, digit }: { namedTaskId: number; tasks: number; digit: string },
): Promise<void> {
  await tx.query(
    `insert into tasker_tasks
       (named_task_id, complete, requested_at, initiator, source_system, reason, bypass_steps, tags, context,
        identity_hash, created_at, updated_at)
     select $1, false, treadle.utc_now(), 'bench', 'bench', 'bench', '[]', '[]', jsonb_build_object('order_id', n),
       'bench-' || n, treadle.utc_now(), treadle.utc_now()
     from generate_series(1, $2::bigint) n`,
    [namedTaskId, tasks],
  );
  await tx.query(`update tasker_tasks set complete = true where ${digit} < 5`);
  await tx.query(
    `insert into tasker_task_transitions
       (task_id, from_state, to_state, sort_key, most_recent, created_at, updated_at)
     select t.task_id, m.from_state, m.to_state, m.sort_key, m.to_state = t.state, treadle.utc_now(), treadle.utc_now()
     from (select task_id, ${taskStates(digit)} as state from tasker_tasks) t
     join (values ('pending', 'in_progress', 10), ('in_progress', 'complete', 20), ('in_progress', 'pending', 20))
       as m (from_state, to_state, sort_key)
       on m.to_state = t.state or (m.to_state = 'in_progress' and t.state is not null)
     order by t.task_id, m.sort_key`,
  );
}

async function writeSteps(tx: Executor, namedTaskId: number): Promise<void> {
  await tx.query(
    `insert into tasker_workflow_steps
       (task_id, named_step_id, attempts, inputs, results, created_at, updated_at)
     select t.task_id, d.named_step_id, 0, t.context, '{}', treadle.utc_now(), treadle.utc_now()
     from tasker_tasks t
     join treadle.step_definitions d on d.named_task_id = $1
     order by t.task_id, d.ordinal`,
    [namedTaskId],
  );
  const places = Object.keys(STEPS);
  const edges = Object.entries(STEPS).flatMap(([child, parents]) =>
    parents.map((parent) => ({ child: places.indexOf(child) + 1, parent: places.indexOf(parent) + 1 })),
  );
  await tx.query(
    `insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
     select (t.task_id - 1) * $1::bigint + e.parent, (t.task_id - 1) * $1::bigint + e.child, 'provides',
       treadle.utc_now(), treadle.utc_now()
     from tasker_tasks t
     cross join jsonb_to_recordset($2) as e (child integer, parent integer)
     order by t.task_id, e.child`,
    [STEPS_PER_TASK, JSON.stringify(edges)],
  );
}

async function writeTransitions(tx: Executor, digit: string): Promise<void> {
  await tx.query(
    `create temporary table reached on commit drop as
     select s.workflow_step_id, coalesce(p.state, 'complete') as state
     from tasker_workflow_steps s
     left join jsonb_to_recordset($1) as p (digit integer, place integer, state text)
       on p.digit = ${digit} and p.place = (s.workflow_step_id - 1) % $2::bigint + 1
     where ${digit} < 5 or p.state is not null`,
    [JSON.stringify(progressRows()), STEPS_PER_TASK],
  );
  await tx.query(
    `update tasker_workflow_steps s
     set processed = r.state = 'complete', attempts = case when r.state = 'in_progress' then 0 else 1 end,
       processed_at = case when r.state = 'complete' then treadle.utc_now() end,
       last_attempted_at = case when r.state <> 'in_progress' then treadle.utc_now() end, results = '{"ok": true}'
     from reached r
     where r.workflow_step_id = s.workflow_step_id`,
  );
  await tx.query(
    `insert into tasker_workflow_step_transitions
       (workflow_step_id, from_state, to_state, metadata, sort_key, most_recent, created_at, updated_at)
     select r.workflow_step_id, m.from_state, m.to_state,
       case when m.to_state = 'error' then '{"backoff_until": "2999-01-01T00:00:00Z"}'::jsonb else '{}' end,
       m.sort_key, m.to_state = r.state, treadle.utc_now(), treadle.utc_now()
     from reached r
     join (values ('pending', 'in_progress', 10), ('in_progress', 'complete', 20), ('in_progress', 'error', 20))
       as m (from_state, to_state, sort_key)
       on m.to_state = r.state or m.to_state = 'in_progress'
     order by r.workflow_step_id, m.sort_key`,
  );
}

function progressRows(): { digit: number; place: number; state: string }[] {
  return PROGRESS.flatMap(({ digit, done, other }) => [
    ...done.map((place) => ({ digit, place, state: 'complete' })),
    ...Object.entries(other).map(([place, state]) => ({ digit, place: Number(place), state })),
  ]);
}
