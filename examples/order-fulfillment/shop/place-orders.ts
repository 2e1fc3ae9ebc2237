// Where orders come in. The shop's row and the workflow's task are written in one transaction: there is never an order
// without a task, nor a task without an order.
import { TreadleError, type Database, type Engine } from '../../../index.ts';
import { referenceOf, type Order } from '../order.ts';
import type { OrderLine } from '../read-orders.ts';
import { orderFulfillment } from '../workflow.ts';

const ORDERS_AT_ONCE = 50;
const { namespace_name, name } = orderFulfillment.template;

export interface Refusal {
  readonly line: number;
  /** One sentence per thing that is wrong. */
  readonly reasons: readonly string[];
}

export interface Placed {
  readonly accepted: number;
  /** Sent twice, placed once. */
  readonly duplicates: number;
  readonly refused: readonly Refusal[];
}

/** Places all orders that are fit; lists the others. */
export async function placeOrders(
  { engine, database, run, signal }: { engine: Engine; database: Database; run: string; signal: AbortSignal },
  lines: readonly OrderLine[],
): Promise<Placed> {
  const checked = lines.map((line) => checkedOrder(engine, run, line));
  const orders = checked.flatMap((result) => ('order' in result ? [result.order] : []));
  const refused = checked.flatMap((result) => ('reasons' in result ? [result] : []));
  let accepted = 0;
  for (let start = 0; start < orders.length; start += ORDERS_AT_ONCE) {
    signal.throwIfAborted();
    // oxlint-disable-next-line no-await-in-loop -- the first orders run while the next ones are placed
    accepted += await placeTogether(engine, database, orders.slice(start, start + ORDERS_AT_ONCE));
  }
  return { accepted, duplicates: orders.length - accepted, refused };
}

/** Checks against the JSON Schema of the template, as `createTasks` will: so that one bad order does not cost the others. */
function checkedOrder(
  engine: Engine,
  run: string,
  { line, value, problem }: OrderLine,
): { order: Order } | Refusal {
  if (problem !== undefined) return { line, reasons: [problem] };
  const template = engine.templates.find((known) => known.template.name === name);
  try {
    const order: unknown = template?.validateContext({ run, ...Object(value) });
    return { order: order as Order };
  } catch (error) {
    if (!(error instanceof TreadleError) || error.code !== 'invalid_context') throw error;
    return { line, reasons: reasonsOf(error) };
  }
}

async function placeTogether(engine: Engine, database: Database, orders: readonly Order[]): Promise<number> {
  return database.transaction(async (tx) => {
    const requests = orders.map((order) => ({
      namespace_name,
      name,
      context: order,
      identity_key: referenceOf(order), // the same order a second time is the first task
      initiator: order.customer.email.slice(0, 128),
      source_system: 'web-shop',
      reason: 'order placed',
    }));
    const tasks = await engine.createTasks(requests, { client: tx });
    const rows = orders.map(({ run, order_id }, index) => ({
      run,
      order_id,
      task_id: tasks[index]?.task_id,
    }));
    await tx.query(
      `insert into shop.orders (run, order_id, task_id)
       select r.run, r.order_id, r.task_id
       from jsonb_to_recordset($1) as r (run text, order_id text, task_id bigint)
       on conflict do nothing`,
      [JSON.stringify(rows)],
    );
    return tasks.filter((task) => task.created).length;
  });
}

function reasonsOf(error: TreadleError): string[] {
  const problems = error.details['problems'];
  if (!Array.isArray(problems)) return [error.message];
  const byPath = problems.map((problem: { path?: string; expected?: string; received?: string }) => {
    const path = (problem.path ?? '').replace(/^context\.?/, '') || 'the order';
    return [path, `${path}: expected ${problem.expected}, got ${problem.received}`] as const;
  });
  return [...new Map(byPath).values()]; // one per place: the last one says it best
}
