// A database as a Rails team has it after ninety days: tasks of six templates in three namespaces, nearly all of them complete, some
// failed, cancelled or resolved by hand, and the newest ones under way, in back-off or not begun. Written set-based.
import { parseTemplate } from '../../core/template/template.ts';
import { Templates } from '../../engine/templates.ts';
import type { Database, Executor } from '../../sql/database.ts';
import { recountStates } from '../../sql/sweep.ts';
import { dropIndexes, skipForeignKeys, STEPS } from '../history.ts';

export const STEPS_PER_TASK = Object.keys(STEPS).length;
const NAMESPACES = ['shop', 'billing', 'reports'];
const NAMES = ['order', 'refund'];
const DAYS = 90;
/** So many have not ended, every second of the newest; in a small history one of ten. */
const UNFINISHED_TASKS = 5000;

interface Kind {
  /** Undefined: no transition was written. */
  readonly task?: string;
  /** Places of steps that are complete. */
  readonly done: readonly number[];
  readonly others?: Readonly<Record<number, string>>;
  readonly attempts?: number;
}

const ALL = Array.from({ length: STEPS_PER_TASK }, (_, place) => place + 1);
const [FAILED, STUCK_AT] = [[1, 3, 4, 6], { 2: 'error' }];
/** What has become of a task that is old, by the last two digits of its number; all others are complete. */
const ENDED: Readonly<Record<number, Kind>> = {
  7: { task: 'error', done: FAILED, others: STUCK_AT, attempts: 3 },
  23: { task: 'error', done: FAILED, others: STUCK_AT, attempts: 3 },
  42: { task: 'error', done: FAILED, others: STUCK_AT, attempts: 1 },
  61: { task: 'cancelled', done: [1], others: Object.fromEntries(ALL.slice(1).map((n) => [n, 'cancelled'])) },
  88: { task: 'resolved_manually', done: FAILED, others: STUCK_AT, attempts: 3 },
};
const COMPLETE: Kind = { task: 'complete', done: ALL };
/** How far one that has not ended is. */
const UNDER_WAY: readonly Kind[] = [
  { done: [] },
  { task: 'in_progress', done: [1] },
  { task: 'in_progress', done: [1, 2, 3, 4] },
  { task: 'in_progress', done: [1, 2, 3, 4, 5, 6], others: { 7: 'in_progress' } },
  { task: 'pending', done: FAILED, others: STUCK_AT, attempts: 1 },
];
const KINDS = [COMPLETE, ...Object.values(ENDED), ...UNDER_WAY];

/** Fills a fresh database with so many steps, and counts them. The task with the greatest id is the newest. */
export async function writeRailsHistory(database: Database, steps: number): Promise<void> {
  const tasks = Math.ceil(steps / STEPS_PER_TASK);
  const unfinished = Math.min(UNFINISHED_TASKS, Math.ceil(tasks / 10));
  const namedTasks = await registerTemplates(database);
  await database.transaction(async (tx) => {
    // no triggers, indexes at the end: otherwise it would take ten times as long and measure nothing
    await tx.query(`set local treadle.writing = 'on'`);
    await tx.query(`set local maintenance_work_mem = '256MB'`);
    await skipForeignKeys(tx);
    const indexes = await dropIndexes(tx);
    await planTasks(tx, tasks, tasks - 2 * unfinished);
    await writeTasks(tx, namedTasks);
    await writeSteps(tx);
    await writeEdges(tx);
    await writeTransitions(tx);
    for (const definition of indexes) {
      // oxlint-disable-next-line no-await-in-loop -- one connection, one after the other
      await tx.query(definition);
    }
  });
  await database.query('vacuum analyze'); // before the rebuild, which chooses plans by these numbers
  await deriveRows(database);
  await recountStates(database, 0);
  await database.query('vacuum analyze');
}

async function registerTemplates(database: Database): Promise<number[]> {
  const templates = NAMESPACES.flatMap((namespace_name) =>
    NAMES.map((name) =>
      parseTemplate({
        namespace_name,
        name,
        version: '1.0.0',
        step_templates: Object.entries(STEPS).map(([step, depends_on_steps]) => ({
          name: step,
          depends_on_steps,
          handler_class: 'NobodyServesThis',
        })),
      }),
    ),
  );
  const registered = await new Templates(database, 'development').register(templates);
  return registered.map(({ named_task_id }) => named_task_id);
}

/** Which kind each task is of, and when it was made. Of the kinds which steps are in which state. */
async function planTasks(tx: Executor, tasks: number, firstYoung: number): Promise<void> {
  const ended = Object.keys(ENDED).map((digits, index) => `when ${digits} then ${index + 1}`).join(' '); // prettier-ignore
  const young = 1 + Object.keys(ENDED).length;
  await tx.query(
    `create temporary table planned on commit drop as
     select n as task_id,
       case when n > $2::bigint and n % 2 = 1 then ${young} + n / 2 % ${UNDER_WAY.length} else case n % 100 ${ended} else 0 end end
         as kind,
       treadle.utc_now() - ($1::bigint - n) * (interval '${DAYS} days' / $1::bigint) as created_at
     from generate_series(1, $1::bigint) n`,
    [tasks, firstYoung],
  );
  await tx.query(
    `create temporary table kinds on commit drop as
     select * from jsonb_to_recordset($1) as k (kind integer, task_state text, attempts integer)`,
    [
      JSON.stringify(
        KINDS.map(({ task, attempts = 1 }, kind) => ({ kind, task_state: task ?? null, attempts })),
      ),
    ],
  );
  await tx.query(
    `create temporary table reached on commit drop as
     select * from jsonb_to_recordset($1) as r (kind integer, place integer, state text)`,
    [JSON.stringify(KINDS.flatMap(reachedSteps))],
  );
  await tx.query('analyze planned, kinds, reached');
}

function reachedSteps({ done, others = {} }: Kind, kind: number): object[] {
  const states = [...done.map((place) => [place, 'complete'] as const), ...Object.entries(others)];
  return states.map(([place, state]) => ({ kind, place: Number(place), state }));
}

async function writeTasks(tx: Executor, namedTasks: readonly number[]): Promise<void> {
  await tx.query(
    `insert into tasker_tasks
       (named_task_id, complete, requested_at, initiator, source_system, reason, bypass_steps, tags, context,
        identity_hash, created_at, updated_at)
     select ($1::integer[])[1 + p.task_id % $2], k.task_state is not distinct from 'complete', p.created_at, 'web',
       case p.task_id % 4 when 0 then 'mobile' else 'web' end, 'bench', '[]', '[]',
       jsonb_build_object('order_id', p.task_id, 'amount', p.task_id % 977), 'bench-' || p.task_id, p.created_at, p.created_at
     from planned p
     join kinds k on k.kind = p.kind
     order by p.task_id`,
    [namedTasks, namedTasks.length],
  );
  await tx.query(
    `insert into tasker_task_transitions
       (task_id, from_state, to_state, metadata, sort_key, most_recent, created_at, updated_at)
     select p.task_id, m.from_state, m.to_state, '{"triggered_by": "treadle"}', m.sort_key, m.to_state = k.task_state,
       p.created_at + m.after, p.created_at + m.after
     from planned p
     join kinds k on k.kind = p.kind
     join (
       values ('pending', 'in_progress', 10, interval '20 ms'), ('in_progress', 'complete', 20, '90 s'),
         ('in_progress', 'error', 20, '90 s'), ('in_progress', 'cancelled', 20, '90 s'), ('in_progress', 'pending', 20, '90 s'),
         ('error', 'resolved_manually', 30, '1 hour')
     ) as m (from_state, to_state, sort_key, after)
       on m.to_state = k.task_state
       or m.to_state = 'in_progress' and k.task_state is not null
       or m.to_state = 'error' and k.task_state = 'resolved_manually'
     order by p.task_id, m.sort_key`,
  );
}

async function writeSteps(tx: Executor): Promise<void> {
  await tx.query(
    `insert into tasker_workflow_steps
       (task_id, named_step_id, attempts, inputs, results, processed, processed_at, last_attempted_at, created_at, updated_at)
     select t.task_id, d.named_step_id, case when r.state in ('complete', 'error') then k.attempts else 0 end, t.context,
       case when r.state = 'complete' then '{"ok": true}' when r.state = 'error' then '{"error": "no"}' else '{}' end::jsonb,
       coalesce(r.state = 'complete', false), case when r.state = 'complete' then ${STEP_ENDS} end,
       case when r.state in ('complete', 'error') then ${STEP_ENDS} end, p.created_at, p.created_at
     from planned p
     join tasker_tasks t on t.task_id = p.task_id
     join kinds k on k.kind = p.kind
     join treadle.step_definitions d on d.named_task_id = t.named_task_id
     left join reached r on r.kind = p.kind and r.place = d.ordinal
     order by p.task_id, d.ordinal`,
  );
}

/** Some seconds after its task was made; no two steps take equally long. */
const STEP_ENDS = `p.created_at + d.ordinal * interval '3 s' + (p.task_id * 7919 + d.ordinal * 104729) % 2503 * interval '1 ms'`;

async function writeEdges(tx: Executor): Promise<void> {
  const places = Object.keys(STEPS);
  const edges = Object.entries(STEPS).flatMap(([child, parents]) =>
    parents.map((parent) => ({ child: places.indexOf(child) + 1, parent: places.indexOf(parent) + 1 })),
  );
  await tx.query(
    `insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
     select (p.task_id - 1) * $1::bigint + e.parent, (p.task_id - 1) * $1::bigint + e.child, 'provides', p.created_at, p.created_at
     from planned p
     cross join jsonb_to_recordset($2) as e (child integer, parent integer)
     order by p.task_id, e.child`,
    [STEPS_PER_TASK, JSON.stringify(edges)],
  );
}

async function writeTransitions(tx: Executor): Promise<void> {
  await tx.query(
    `insert into tasker_workflow_step_transitions
       (workflow_step_id, from_state, to_state, metadata, sort_key, most_recent, created_at, updated_at)
     select (p.task_id - 1) * $1::bigint + d.ordinal, m.from_state, m.to_state,
       case when m.to_state = 'error' then '{"attempt_number": 1, "backoff_until": "2999-01-01T00:00:00Z"}'
         else '{"attempt_number": 1, "triggered_by": "treadle"}' end::jsonb,
       m.sort_key, m.to_state = r.state,
       case when m.to_state = 'in_progress' then p.created_at else ${STEP_ENDS} end,
       case when m.to_state = 'in_progress' then p.created_at else ${STEP_ENDS} end
     from planned p
     join reached r on r.kind = p.kind
     cross join lateral (select r.place as ordinal) d
     join (
       values ('pending', 'in_progress', 10), ('in_progress', 'complete', 20), ('in_progress', 'error', 20),
         ('pending', 'cancelled', 10)
     ) as m (from_state, to_state, sort_key)
       on m.to_state = r.state or m.to_state = 'in_progress' and r.state <> 'cancelled'
     order by 1, m.sort_key`,
    [STEPS_PER_TASK],
  );
}

/** What Treadle keeps about the unfinished ones. What is in progress is another hand's; what waits is not due in this century. */
async function deriveRows(database: Database): Promise<void> {
  await database.query(
    `select treadle.refresh_tasks(array(
       select task_id from tasker_task_transitions where most_recent and to_state = 'in_progress'
     ))`,
  );
  await database.query(
    `insert into treadle.wakeups (task_id, run_at, reason, handed_at)
     select t.task_id, '2999-01-01T00:00:00Z', case when c.task_id is null then 'created' else 'retry_due' end, now()
     from tasker_tasks t
     left join tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
     where not t.complete and coalesce(c.to_state, 'pending') = 'pending'`,
  );
}
