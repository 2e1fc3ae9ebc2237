// What a failed order still holds goes back: pieces to the shelf, money to the customer. Treadle stops a failed task where
// it is and leaves what the business makes of it to the business; this is that part. A real shop would run it every
// minute. It reads the states of tasks with plain SQL, and may run twice: every part of it looks whether it is done.
import type { Database } from '../../../index.ts';
import { referenceOf } from '../order.ts';
import type { PaymentClient } from '../payments/client.ts';

interface FailedOrder {
  readonly run: string;
  readonly order_id: string;
}

export interface GivingBack {
  readonly database: Database;
  readonly payments: PaymentClient;
}

/** Orders whose task has failed since the last call, of whichever run. */
export async function giveBack({ database, payments }: GivingBack): Promise<void> {
  const failed = await database.query<FailedOrder>(
    `select o.run, o.order_id
     from shop.orders o
     join public.tasker_task_transitions t on t.task_id = o.task_id and t.most_recent
     where o.state = 'open' and t.to_state = 'error'
     order by o.run, o.order_id`,
  );
  for (const order of failed) {
    // oxlint-disable-next-line no-await-in-loop -- no hurry, and providers do not like crowds
    await payments.cancel(referenceOf(order));
  }
  await releaseStock(database, failed);
}

async function releaseStock(database: Database, failed: readonly FailedOrder[]): Promise<void> {
  await database.query(
    `with failed as (
       select f.run, f.order_id
       from jsonb_to_recordset($1) as f (run text, order_id text)
     ),
     released as (
       update shop.reservations r
       set state = 'released'
       from failed f
       where r.run = f.run and r.order_id = f.order_id and r.state = 'reserved'
       returning r.run, r.sku, r.quantity
     ),
     returned as (
       update shop.stock s
       set on_hand = s.on_hand + r.quantity, reserved = s.reserved - r.quantity
       from (select run, sku, sum(quantity) as quantity from released group by run, sku) r
       where s.run = r.run and s.sku = r.sku
     )
     update shop.orders o
     set state = 'failed', closed_at = now()
     from failed f
     where o.run = f.run and o.order_id = f.order_id and o.state = 'open'`,
    [JSON.stringify(failed)],
  );
}
