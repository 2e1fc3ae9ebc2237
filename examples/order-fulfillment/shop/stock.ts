// Moving stock. Each move is one statement, so that a popular shelf is locked for no longer than it takes; it locks its
// shelves in the order of their names, so that two orders never wait for each other in a circle; and it looks whether the
// move was made before, because steps run at least once.
import type { Database } from '../../../index.ts';
import type { Order, PricedOrder } from '../order.ts';
import { PROGRAM } from '../program.ts';

type OrderKey = Pick<Order, 'run' | 'order_id'>;

/** Shelf to box. Returns the SKUs of which there is too little; then nothing has moved. */
export async function reserveStock(
  database: Database,
  { run, order_id }: OrderKey,
  lines: PricedOrder['lines'],
): Promise<string[]> {
  const missing = await database.query<{ sku: string }>(
    `with lines as (
       select l.sku, l.quantity
       from jsonb_to_recordset($3) as l (sku text, quantity integer)
     ),
     shelves as materialized (
       select s.sku, s.on_hand
       from shop.stock s
       where s.run = $1 and s.sku in (select sku from lines)
       order by s.sku
       for update
     ),
     done as (
       select from shop.reservations where run = $1 and order_id = $2
     ),
     missing as (
       select l.sku
       from lines l
       left join shelves s on s.sku = l.sku
       where coalesce(s.on_hand, 0) < l.quantity and not exists (select from done)
     ),
     reserved as (
       insert into shop.reservations (run, order_id, sku, quantity)
       select $1, $2, l.sku, l.quantity
       from lines l
       where not exists (select from missing) and not exists (select from done)
       returning sku, quantity
     ),
     taken as (
       update shop.stock s
       set on_hand = s.on_hand - r.quantity, reserved = s.reserved + r.quantity
       from reserved r
       where s.run = $1 and s.sku = r.sku
     )
     select sku from missing order by sku`,
    [run, order_id, JSON.stringify(lines)],
  );
  return missing.map((line) => line.sku);
}

/** Box to customer. Returns the tracking code; undefined when nothing is reserved for the order. */
export async function shipReserved(database: Database, order: OrderKey): Promise<string | undefined> {
  const [shipped] = await database.query<{ tracking_code: string }>(
    `with shelves as materialized (
       select s.sku
       from shop.stock s
       where s.run = $1 and s.sku in (select sku from shop.reservations where run = $1 and order_id = $2)
       order by s.sku
       for update
     ),
     boxed as (
       update shop.reservations
       set state = 'shipped'
       where run = $1 and order_id = $2 and state = 'reserved' and sku in (select sku from shelves)
       returning sku, quantity
     ),
     sent as (
       update shop.stock s
       set reserved = s.reserved - b.quantity, shipped = s.shipped + b.quantity
       from boxed b
       where s.run = $1 and s.sku = b.sku
     )
     insert into shop.shipments (run, order_id, tracking_code, shipped_by)
     select $1, $2, 'TRK' || upper(substr(md5($1 || '/' || $2), 1, 10)), $3
     where exists (select from boxed)
     returning tracking_code`,
    [order.run, order.order_id, PROGRAM],
  );
  return shipped?.tracking_code ?? findShipment(database, order);
}

/** What an earlier attempt has sent. */
async function findShipment(database: Database, { run, order_id }: OrderKey): Promise<string | undefined> {
  const [shipment] = await database.query<{ tracking_code: string }>(
    'select tracking_code from shop.shipments where run = $1 and order_id = $2',
    [run, order_id],
  );
  return shipment?.tracking_code;
}
