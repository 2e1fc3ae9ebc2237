// The proof at the end: nothing lost, nothing done twice. Each check compares what one party has written down with what
// another has (shelves, provider, files, audit trail) and names the orders that do not agree.
import {
  accountOf,
  brokenHistories,
  orderIdsIn,
  readOrders,
  unequalEffects,
  type Evidence,
} from './evidence.ts';
import { heldStock, lostStock, strayStock } from './shop/stock-checks.ts';

export interface Check {
  readonly claim: string;
  /** What speaks against it. */
  readonly against: readonly string[];
}

export async function runChecks(evidence: Evidence): Promise<Check[]> {
  const orders = await readOrders(evidence);
  const complete = orders.filter((order) => order.state === 'complete');
  const paid = orders.map((order) => ({ ...order, ...accountOf(evidence, order.order_id) }));
  const invoices = await orderIdsIn(evidence, 'invoices', /<meta name="order" content="(.+?)"/);
  const mails = await orderIdsIn(evidence, 'outbox', /^X-Order: (.+?)\r$/m);
  return [
    {
      claim: 'no task was left unfinished',
      against: idsOf(orders.filter((order) => order.state === 'unfinished')),
    },
    {
      claim: 'stock is conserved: initial = on the shelf + reserved + shipped',
      against: await lostStock(evidence),
    },
    { claim: 'what was shipped or is reserved is what the orders say', against: await strayStock(evidence) },
    { claim: 'failed orders hold no stock', against: await heldStock(evidence) },
    {
      claim: 'no order was charged twice',
      against: idsOf(paid.filter(({ charges, holds }) => charges > 1 || holds > 1)),
    },
    {
      claim: 'every shipped order was charged once, the right amount',
      against: idsOf(
        paid.filter(({ shipped, kept_cents, total_cents }) => shipped && kept_cents !== total_cents),
      ),
    },
    {
      claim: 'orders that were not shipped hold no money',
      against: idsOf(paid.filter(({ shipped, kept_cents, held }) => !shipped && (kept_cents !== 0 || held))),
    },
    {
      claim: 'one invoice for each order that got to it, and no other',
      against: differences(idsOf(orders.filter((order) => order.invoiced)), invoices),
    },
    { claim: 'one mail per complete order, and no other', against: differences(idsOf(complete), mails) },
    {
      claim: 'one shipment and one credit of points per complete order',
      against: await unequalEffects(evidence),
    },
    {
      claim: 'every step has its whole history, and completed at most once',
      against: await brokenHistories(evidence),
    },
  ];
}

function idsOf(orders: readonly { readonly order_id: string }[]): string[] {
  return orders.map((order) => order.order_id);
}

/** What is in one list more often than in the other. */
function differences(expected: readonly string[], actual: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const id of expected) counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const id of actual) counts.set(id, (counts.get(id) ?? 0) - 1);
  return [...counts].filter(([, count]) => count !== 0).map(([id]) => id);
}
