// The data of the workflow: the context of a task (an order) and what its steps answer. Schemas where something is
// checked at run time, plain interfaces where the compiler's word is enough.
import { z } from 'zod';

/** Becomes a part of file names and mail headers, so it is kept to characters that are harmless there. */
const Name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/)
  .max(48);
const OneLine = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\r\n]+$/);

/** What a task is given. Treadle keeps its JSON Schema and refuses a context that does not fit before a row is written. */
export const Order = z.strictObject({
  /** The run of the demo that placed the order; a real shop has no such thing. */
  run: Name,
  order_id: Name,
  customer: z.strictObject({ name: OneLine, email: z.email().max(200) }),
  country: z.string().regex(/^[A-Z]{2}$/),
  /** A token of the payment provider, never a card number. */
  card: z.string().regex(/^card_[a-z0-9]+$/),
  items: z.array(z.strictObject({ sku: z.string().min(1), quantity: z.int().min(1).max(100) })).min(1),
  total_cents: z.int().min(1),
});
export type Order = z.infer<typeof Order>;

/** Answer of validate_order: the order with the prices of the catalogue, one line per article. */
export const PricedOrder = z.object({
  lines: z.array(
    z.object({
      sku: z.string(),
      name: z.string(),
      quantity: z.int().positive(),
      price_cents: z.int().positive(),
    }),
  ),
  total_cents: z.int().positive(),
});
export type PricedOrder = z.infer<typeof PricedOrder>;

/** Answer of authorize_payment: the money is held, not yet taken. */
export const Authorization = z.object({ authorization_id: z.string(), amount_cents: z.int().positive() });
export type Authorization = z.infer<typeof Authorization>;

/** Answer of capture_payment: the money is taken. */
export const Charge = z.object({ charge_id: z.string(), amount_cents: z.int().positive() });
export type Charge = z.infer<typeof Charge>;

/** Answer of create_invoice. */
export interface Invoice {
  invoice_number: string;
  file: string;
}

/** Answer of ship_order. */
export interface Shipment {
  tracking_code: string;
}

/** One order, by one name, everywhere: identity of the task, reference and idempotency keys at the provider. */
export function referenceOf({ run, order_id }: Pick<Order, 'run' | 'order_id'>): string {
  return `${run}/${order_id}`;
}
