// Sends the box off: the reservation becomes a shipment.
import { PermanentError, StepHandler, type StepContext } from '../../../index.ts';
import type { Order, Shipment } from '../order.ts';
import { services } from '../services.ts';
import { shipReserved } from '../shop/stock.ts';

interface Types {
  context: Order;
  output: Shipment;
}

export class ShipOrder extends StepHandler<Types> {
  async process({ task }: StepContext<Types>): Promise<Shipment> {
    const tracking_code = await shipReserved(services().database, task.context);
    if (tracking_code === undefined) {
      throw new PermanentError('nothing is reserved for this order any more', {
        errorCode: 'RESERVATION_GONE',
      });
    }
    return { tracking_code };
  }
}
