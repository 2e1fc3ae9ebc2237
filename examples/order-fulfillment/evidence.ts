// What the checks look at: the facts about each order, the provider's account of it, the files, and the audit trail.
import type { Database } from '../../index.ts';
import type { Files } from './files.ts';
import { referenceOf } from './order.ts';
import type { Ledger } from './payments/ledger.ts';

export interface Evidence {
  readonly database: Database;
  readonly run: string;
  readonly files: Files;
  readonly ledger: Ledger;
}

export interface OrderFacts {
  readonly order_id: string;
  readonly state: 'complete' | 'error' | 'unfinished';
  readonly shipped: boolean;
  readonly invoiced: boolean;
  readonly total_cents: number;
}

export function readOrders({ database, run }: Evidence): Promise<OrderFacts[]> {
  return database.query<OrderFacts>(
    `select o.order_id,
       case when t.to_state in ('complete', 'error') then t.to_state else 'unfinished' end as state,
       exists (select from shop.shipments s where s.run = o.run and s.order_id = o.order_id) as shipped,
       exists (
         select
         from public.tasker_workflow_steps s
         join public.tasker_named_steps n on n.named_step_id = s.named_step_id and n.name = 'create_invoice'
         join public.tasker_workflow_step_transitions c
           on c.workflow_step_id = s.workflow_step_id and c.most_recent and c.to_state = 'complete'
         where s.task_id = o.task_id
       ) as invoiced,
       (k.context ->> 'total_cents')::integer as total_cents
     from shop.orders o
     join public.tasker_tasks k on k.task_id = o.task_id
     left join public.tasker_task_transitions t on t.task_id = o.task_id and t.most_recent
     where o.run = $1
     order by o.order_id`,
    [run],
  );
}

/** What the provider's books say of an order. */
export function accountOf({ ledger, run }: Evidence, order_id: string) {
  const history = ledger.history(referenceOf({ run, order_id }));
  const ofKind = (kind: string) => history.filter((entry) => entry.kind === kind);
  const sum = (kind: string) => ofKind(kind).reduce((total, entry) => total + entry.amount_cents, 0);
  const holds = ofKind('authorized').length;
  const charges = ofKind('charged').length;
  const held = holds > ofKind('voided').length + charges;
  return { holds, charges, held, kept_cents: sum('charged') - sum('refunded') };
}

export async function orderIdsIn(
  { files, run }: Evidence,
  folder: 'invoices' | 'outbox',
  pattern: RegExp,
): Promise<string[]> {
  const texts = await files.readAll(run, folder);
  return texts.map((text) => pattern.exec(text)?.[1] ?? 'a file without an order');
}

export async function unequalEffects({ database, run }: Evidence): Promise<string[]> {
  return namesOf(
    await database.query(
      `select o.order_id as name
       from shop.orders o
       join public.tasker_task_transitions t on t.task_id = o.task_id and t.most_recent and t.to_state = 'complete'
       left join shop.shipments s on s.run = o.run and s.order_id = o.order_id
       left join shop.loyalty_points p on p.run = o.run and p.order_id = o.order_id
       where o.run = $1
         and (s.tracking_code is null or p.points is null or o.state <> 'closed')`,
      [run],
    ),
  );
}

/** Each attempt is in_progress, and ends in complete or error; after an error that is tried again comes pending. */
export async function brokenHistories({ database, run }: Evidence): Promise<string[]> {
  return namesOf(
    await database.query(
      `select 'step ' || h.workflow_step_id || ': ' || h.states as name
       from (
         select t.workflow_step_id, string_agg(t.to_state, ' ' order by t.sort_key) as states,
           count(*) filter (where t.most_recent) as current, max(t.sort_key) filter (where t.most_recent) as current_key,
           max(t.sort_key) as last_key
         from shop.orders o
         join public.tasker_workflow_steps s on s.task_id = o.task_id
         join public.tasker_workflow_step_transitions t on t.workflow_step_id = s.workflow_step_id
         where o.run = $1
         group by t.workflow_step_id
       ) h
       where h.states !~ '^(pending )?in_progress( error pending in_progress)* (complete|error)$'
         or h.current <> 1
         or h.current_key <> h.last_key`,
      [run],
    ),
  );
}

function namesOf(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) => String(row['name']));
}
