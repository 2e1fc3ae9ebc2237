// Moves the articles from the shelf into this order's box.
import { z } from 'zod';
import { PermanentError, StepHandler, type StepContext } from '../../../index.ts';
import { PricedOrder, type Order } from '../order.ts';
import { services } from '../services.ts';
import { reserveStock } from '../shop/stock.ts';

/** As a schema the needs are also checked at run time, before `process`: worth it for what is written by other teams. */
const Needs = z.object({ validate_order: PricedOrder });

interface Types {
  context: Order;
  needs: z.infer<typeof Needs>;
  output: { reserved: number };
}

export class ReserveInventory extends StepHandler<Types> {
  static override readonly needs = Needs;

  async process({ task, sequence }: StepContext<Types>): Promise<{ reserved: number }> {
    const { lines } = sequence.result('validate_order');
    const missing = await reserveStock(services().database, task.context, lines);
    if (missing.length > 0) {
      throw new PermanentError(`not enough on the shelf: ${missing.join(', ')}`, {
        errorCode: 'OUT_OF_STOCK',
      });
    }
    return { reserved: lines.reduce((sum, line) => sum + line.quantity, 0) };
  }
}
