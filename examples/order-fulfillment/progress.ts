// How far the orders of a run are, as it is on disk, whichever process did it.
import type { Database } from '../../index.ts';

export interface Progress {
  readonly orders: number;
  readonly complete: number;
  readonly failed: number;
  readonly steps: number;
  /** Steps that wait for their next attempt. */
  readonly retrying: number;
  /** Orders of earlier runs that are carried on beside. */
  readonly earlier: number;
}

export function isUnderWay({ orders, complete, failed, earlier }: Progress): boolean {
  return complete + failed < orders || earlier > 0;
}

/** One look at the tables of Treadle, which are the same as those of the Rails engine: any program may read them. */
export async function readProgress(database: Database, run: string): Promise<Progress> {
  const [row] = await database.query<Progress>(
    `select orders.*, steps.*, others.*
     from (
       select count(*)::integer as orders,
         count(*) filter (where t.to_state = 'complete')::integer as complete,
         count(*) filter (where t.to_state = 'error')::integer as failed
       from shop.orders o
       left join public.tasker_task_transitions t on t.task_id = o.task_id and t.most_recent
       where o.run = $1
     ) orders
     cross join (
       select count(*) filter (where t.to_state = 'complete')::integer as steps,
         count(*) filter (where t.to_state = 'error' and t.metadata @> '{"retry_available": true}')::integer as retrying
       from shop.orders o
       join public.tasker_workflow_steps s on s.task_id = o.task_id
       join public.tasker_workflow_step_transitions t on t.workflow_step_id = s.workflow_step_id and t.most_recent
       where o.run = $1
     ) steps
     cross join (
       select count(*)::integer as earlier
       from shop.orders o
       left join public.tasker_task_transitions t on t.task_id = o.task_id and t.most_recent
       where o.run <> $1 and o.state = 'open' and coalesce(t.to_state, 'pending') in ('pending', 'in_progress')
     ) others`,
    [run],
  );
  if (!row) throw new Error('the progress query returned no row');
  return row;
}
