// Writes the invoice as an HTML file. Everything in it comes from the order, so a second run would write the same.
import { StepHandler, type StepContext } from '../../../index.ts';
import type { Invoice, Order, PricedOrder } from '../order.ts';
import { services } from '../services.ts';

interface Types {
  context: Order;
  needs: { validate_order: PricedOrder };
  output: Invoice;
}

export class CreateInvoice extends StepHandler<Types> {
  async process({ task, sequence }: StepContext<Types>): Promise<Invoice> {
    const { run, order_id } = task.context;
    const invoice_number = `INV-${order_id}`;
    const html = invoiceHtml(invoice_number, task.context, sequence.result('validate_order'));
    const file = await services().files.writeOnce(run, 'invoices', `${order_id}.html`, html);
    return { invoice_number, file };
  }
}

function invoiceHtml(number: string, order: Order, { lines, total_cents }: PricedOrder): string {
  const rows = lines.map(
    ({ name, quantity, price_cents }) =>
      `    <tr><td>${escape(name)}</td><td>${quantity}</td><td>${euros(price_cents * quantity)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <meta name="order" content="${order.order_id}" />
  <title>Invoice ${number}</title>
  <h1>Invoice ${number}</h1>
  <p>${escape(order.customer.name)}, ${order.country}</p>
  <table>
${rows.join('\n')}
    <tr><th>Total</th><td></td><th>${euros(total_cents)}</th></tr>
  </table>
</html>
`;
}

function euros(cents: number): string {
  return `EUR ${(cents / 100).toFixed(2)}`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
}
