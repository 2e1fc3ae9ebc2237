// Puts a mail into the outbox, an .eml file that any mail program opens. A real shop would hand it to a mail service
// under the Message-ID as the key.
import { StepHandler, type StepContext } from '../../../index.ts';
import type { Invoice, Order, Shipment } from '../order.ts';
import { services } from '../services.ts';

interface Types {
  context: Order;
  needs: { create_invoice: Invoice; ship_order: Shipment };
  output: { message_id: string };
}

export class NotifyCustomer extends StepHandler<Types> {
  async process({ task, sequence }: StepContext<Types>): Promise<{ message_id: string }> {
    const { run, order_id, customer } = task.context;
    const message_id = `<${run}.${order_id}@shop.example>`;
    const mail = [
      'From: The Mug Shop <orders@shop.example>',
      `To: ${encodedWord(customer.name)} <${customer.email}>`,
      `Subject: Your order ${order_id} is on its way`,
      `Date: ${task.requested_at.toUTCString()}`,
      `Message-ID: ${message_id}`,
      `X-Order: ${order_id}`,
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      '',
      `Dear ${customer.name},`,
      '',
      `your parcel ${sequence.result('ship_order').tracking_code} left today,`,
      `invoice ${sequence.result('create_invoice').invoice_number} is inside.`,
      '',
    ].join('\r\n');
    await services().files.writeOnce(run, 'outbox', `${order_id}.eml`, mail);
    return { message_id };
  }
}

/** Headers are ASCII: a name goes into them as RFC 2047 says. */
function encodedWord(text: string): string {
  return `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;
}
