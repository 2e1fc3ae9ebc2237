// The last step: the shop's own table says that the order is done.
import { StepHandler, type StepContext } from '../../../index.ts';
import type { Order } from '../order.ts';
import { services } from '../services.ts';

interface Types {
  context: Order;
}

export class CloseOrder extends StepHandler<Types> {
  async process({ task }: StepContext<Types>): Promise<void> {
    const { run, order_id } = task.context;
    await services().database.query(
      `update shop.orders
       set state = 'closed', closed_at = coalesce(closed_at, now())
       where run = $1 and order_id = $2`,
      [run, order_id],
    );
  }
}
