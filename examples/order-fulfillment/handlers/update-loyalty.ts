// Credits loyalty points: `on conflict do nothing` is all that a handler needs to be safe to run twice.
import { z } from 'zod';
import { StepHandler, type StepContext } from '../../../index.ts';
import type { Charge, Order } from '../order.ts';
import { services } from '../services.ts';

const Config = z.strictObject({ points_per_euro: z.number().positive().default(1) });

interface Types {
  config: z.infer<typeof Config>;
  context: Order;
  needs: { capture_payment: Charge };
  output: { points: number };
}

export class UpdateLoyalty extends StepHandler<Types> {
  static override readonly config = Config;

  async process({ task, sequence, config }: StepContext<Types>): Promise<{ points: number }> {
    const { run, order_id, customer } = task.context;
    const paid = sequence.result('capture_payment').amount_cents;
    const points = Math.floor((paid / 100) * config.points_per_euro);
    await services().database.query(
      `insert into shop.loyalty_points (run, order_id, email, points)
       values ($1, $2, $3, $4)
       on conflict do nothing`,
      [run, order_id, customer.email, points],
    );
    return { points };
  }
}
