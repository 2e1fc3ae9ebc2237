// Everything the checker looks at, read in one transaction. SQL of its own: nothing here comes from the engine.
import type { Database, Executor } from '../../../sql/database.ts';

/** One row of an audit trail. `id` tells the order in which rows were written, across all steps. */
export interface Move {
  readonly id: number;
  readonly owner: number;
  readonly from_state: string | null;
  readonly to_state: string;
  readonly sort_key: number;
  readonly most_recent: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly created_at: number;
}

export interface TaskFact {
  readonly task_id: number;
  readonly complete: boolean;
  /** By the most recent move; `pending` without one. */
  readonly state: string;
  readonly plan: Readonly<Record<string, { readonly behaviour: string }>>;
}

export interface StepFact {
  readonly workflow_step_id: number;
  readonly task_id: number;
  readonly name: string;
  readonly retryable: boolean;
  readonly retry_limit: number;
  readonly attempts: number;
  readonly processed: boolean;
  readonly in_process: boolean;
  readonly processed_at: number | null;
  readonly last_attempted_at: number | null;
  readonly results: Readonly<Record<string, unknown>> | null;
}

export interface Snapshot {
  readonly tasks: readonly TaskFact[];
  readonly steps: readonly StepFact[];
  readonly edges: readonly { readonly from_step_id: number; readonly to_step_id: number }[];
  readonly taskMoves: readonly Move[];
  readonly stepMoves: readonly Move[];
  readonly ready: readonly {
    readonly workflow_step_id: number;
    readonly task_id: number;
    readonly held: boolean;
  }[];
  readonly gates: readonly {
    readonly workflow_step_id: number;
    readonly task_id: number;
    readonly open_parents: number;
  }[];
  readonly claims: readonly { readonly workflow_step_id: number; readonly task_id: number }[];
  readonly wakeups: readonly { readonly task_id: number }[];
  readonly deadlines: readonly { readonly task_id: number }[];
  /** Tasks that are paused. */
  readonly paused: readonly { readonly task_id: number }[];
  readonly changed: readonly { readonly task_id: number }[];
  /** What handlers wrote in the transaction that completes their step. */
  readonly effects: readonly { readonly workflow_step_id: number; readonly execution: string }[];
}

const instant = (column: string): string => `extract(epoch from ${column})::float8 * 1000`;

const moves = (kind: 'task' | 'workflow_step'): string => `
  select id, ${kind}_id as owner, from_state, to_state, sort_key, most_recent, coalesce(metadata, '{}') as metadata,
    ${instant('created_at')} as created_at
  from public.tasker_${kind}_transitions
  order by ${kind}_id, sort_key`;

const QUERIES: { readonly [Name in keyof Snapshot]: string } = {
  tasks: `
    select t.task_id, t.complete, coalesce(c.to_state, 'pending') as state, coalesce(t.context -> 'plan', '{}') as plan
    from public.tasker_tasks t
    left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
    order by t.task_id`,
  steps: `
    select s.workflow_step_id, s.task_id, n.name, s.retryable, coalesce(s.retry_limit, 3) as retry_limit,
      coalesce(s.attempts, 0) as attempts, s.processed, s.in_process, ${instant('s.processed_at')} as processed_at,
      ${instant('s.last_attempted_at')} as last_attempted_at, s.results
    from public.tasker_workflow_steps s
    join public.tasker_named_steps n using (named_step_id)
    order by s.workflow_step_id`,
  edges: 'select from_step_id, to_step_id from public.tasker_workflow_step_edges',
  taskMoves: moves('task'),
  stepMoves: moves('workflow_step'),
  ready: 'select workflow_step_id, task_id, held from treadle.ready_steps',
  gates: 'select workflow_step_id, task_id, open_parents from treadle.gates',
  claims: 'select workflow_step_id, task_id from treadle.claims',
  wakeups: 'select task_id from treadle.wakeups',
  deadlines: 'select task_id from treadle.deadlines',
  paused: `select subject::bigint as task_id from treadle.pauses where scope = 'task'`,
  changed: 'select task_id from treadle.changed_tasks',
  effects: 'select workflow_step_id, execution from public.chaos_effects',
};

/** The table that handlers write to in the transaction of their step. One row per execution that counted. */
export const EFFECTS = `
  create table if not exists public.chaos_effects (
    workflow_step_id bigint not null,
    execution text not null
  )`;

/** All of it, as of one instant. */
export function takeSnapshot(database: Database): Promise<Snapshot> {
  return database.transaction(async (tx) => {
    await tx.query('set transaction isolation level repeatable read, read only');
    return readSnapshot(tx);
  });
}

/** All of it, as this transaction sees it. */
export async function readSnapshot(db: Executor): Promise<Snapshot> {
  const read: Record<string, object[]> = {};
  for (const [name, text] of Object.entries(QUERIES)) read[name] = await db.query(text);
  return read as unknown as Snapshot;
}
