// What the JSON Schema of the context cannot know: whether we sell it, and at that price.
import { PermanentError, StepHandler, type StepContext } from '../../../index.ts';
import { findArticle } from '../catalogue.ts';
import { PricedOrder, type Order } from '../order.ts';

interface Types {
  context: Order;
  output: PricedOrder;
}

export class ValidateOrder extends StepHandler<Types> {
  static override readonly output = PricedOrder;

  process({ task }: StepContext<Types>): PricedOrder {
    const lines = priced(task.context);
    const total_cents = lines.reduce((sum, line) => sum + line.price_cents * line.quantity, 0);
    if (total_cents !== task.context.total_cents) {
      throw new PermanentError(
        `the order says ${task.context.total_cents} cents, the catalogue ${total_cents}`,
        {
          errorCode: 'TOTAL_MISMATCH',
        },
      );
    }
    return { lines, total_cents };
  }
}

/** One line per article: a customer may well have put the same mug into the basket twice. */
function priced({ items }: Order): PricedOrder['lines'] {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of items) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return [...quantities].map(([sku, quantity]) => {
    const article = findArticle(sku);
    // Another attempt would not find it either: PermanentError ends the task here, without retries.
    if (!article)
      throw new PermanentError(`no article ${sku} in the catalogue`, { errorCode: 'UNKNOWN_SKU' });
    return { sku, name: article.name, quantity, price_cents: article.price_cents };
  });
}
