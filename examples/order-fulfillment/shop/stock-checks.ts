// Whether the warehouse's books agree with each other. Each answers what does not.
import type { Database } from '../../../index.ts';

interface Warehouse {
  readonly database: Database;
  readonly run: string;
}

export async function lostStock({ database, run }: Warehouse): Promise<string[]> {
  return namesOf(
    await database.query(
      'select sku as name from shop.stock where run = $1 and initial <> on_hand + reserved + shipped',
      [run],
    ),
  );
}

export async function strayStock({ database, run }: Warehouse): Promise<string[]> {
  return namesOf(
    await database.query(
      `select s.sku as name
       from shop.stock s
       left join shop.reservations r on r.run = s.run and r.sku = s.sku
       where s.run = $1
       group by s.sku, s.reserved, s.shipped
       having s.shipped <> coalesce(sum(r.quantity) filter (where r.state = 'shipped'), 0)
         or s.reserved <> coalesce(sum(r.quantity) filter (where r.state = 'reserved'), 0)`,
      [run],
    ),
  );
}

export async function heldStock({ database, run }: Warehouse): Promise<string[]> {
  return namesOf(
    await database.query(
      `select distinct o.order_id as name
       from shop.orders o
       join shop.reservations r on r.run = o.run and r.order_id = o.order_id and r.state = 'reserved'
       where o.run = $1 and o.state = 'failed'`,
      [run],
    ),
  );
}

function namesOf(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) => String(row['name']));
}
