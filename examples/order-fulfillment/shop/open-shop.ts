// Makes the shop's tables and fills the shelves for a run.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../../../index.ts';
import { catalogue } from '../catalogue.ts';

const OURS = 'Treadle example order-fulfillment';
/** The shelves of catalogue.json are meant for so many orders. */
const ORDERS_PER_SHELF = 500;

/** Creates what is missing. A schema `shop` that is not the demo's is left alone. */
export async function createShopTables(database: Database): Promise<void> {
  const [existing] = await database.query<{ comment: string | null }>(
    `select obj_description(oid, 'pg_namespace') as comment from pg_namespace where nspname = 'shop'`,
  );
  if (existing && existing.comment !== OURS) {
    throw new Error('this database has a schema "shop" that the demo did not make: use another database');
  }
  await database.query(await readFile(join(import.meta.dirname, 'shop.sql'), 'utf8'));
}

/** A warehouse for this run, larger for more orders. */
export async function stockShelves(database: Database, run: string, orders: number): Promise<void> {
  const shelves = Math.max(1, Math.ceil(orders / ORDERS_PER_SHELF));
  await database.query(
    `insert into shop.stock (run, sku, initial, on_hand)
     select $1, a.sku, a.stock * $3, a.stock * $3
     from jsonb_to_recordset($2) as a (sku text, stock integer)`,
    [run, JSON.stringify(catalogue), shelves],
  );
}
