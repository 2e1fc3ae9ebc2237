// Writes orders.jsonl, the same bytes every time: `npx tsx examples/order-fulfillment/generate-orders.ts`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogue, type Article } from './catalogue.ts';

const ORDERS = 500;
const FIRST = [
  'Ada',
  'Björn',
  'Chloé',
  'Dmitri',
  'Esther',
  'Farid',
  'Grace',
  'Hiro',
  'Inês',
  'Jürgen',
  'Kofi',
  'Léa',
];
const LAST = [
  'Lindqvist',
  'Moreau',
  'Nakamura',
  'Okafor',
  'Papadakis',
  'Quinn',
  'Rossi',
  'Sørensen',
  'Tanaka',
  'Weber',
];
const COUNTRIES = ['DE', 'FR', 'JP', 'GH', 'PT', 'NO', 'GB', 'GR'];
const plentiful = catalogue.filter((article) => article.stock > 100);

/** Numbers from 0 (inclusive) to 1 that are the same every time (a linear congruence modulo 2^32). */
let state = 20_240_501;
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

function pick<Item>(from: readonly [Item, ...Item[]] | readonly Item[]): Item {
  return from[Math.floor(random() * from.length)] as Item;
}

interface GoodOrder {
  order_id: string;
  customer: { name: string; email: string };
  country: string;
  card: string;
  items: { sku: string; quantity: number }[];
  total_cents: number;
}

function goodOrder(number: number): GoodOrder {
  const first = pick(FIRST);
  const name = `${first} ${pick(LAST)}`;
  const articles = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(plentiful));
  const basket = random() < 0.04 ? [articleOf('MUG-GOLD')] : articles;
  return {
    order_id: `A${String(number).padStart(5, '0')}`,
    customer: { name, email: `customer.${number}@example.com` },
    country: pick(COUNTRIES),
    card: `card_${Math.floor(random() * 36 ** 8).toString(36)}`,
    ...itemsOf(
      basket.map((article) => ({
        article,
        quantity: article.price_cents > 4000 ? 1 : 1 + Math.floor(random() * 2),
      })),
    ),
  };
}

function itemsOf(basket: { article: Article; quantity: number }[]): Pick<GoodOrder, 'items' | 'total_cents'> {
  const items = basket.map(({ article, quantity }) => ({ sku: article.sku, quantity }));
  return {
    items,
    total_cents: basket.reduce((sum, { article, quantity }) => sum + article.price_cents * quantity, 0),
  };
}

function articleOf(sku: string): Article {
  const found = catalogue.find((article) => article.sku === sku);
  if (!found) throw new Error(`no article ${sku}`);
  return found;
}

/** What goes wrong in real files: in turns what the schema refuses at the border, and what only a step can see. */
const MISHAPS: readonly ((order: GoodOrder) => unknown)[] = [
  (order) => ({ ...order, customer: { name: order.customer.name } }),
  (order) => ({ ...order, items: [{ sku: 'MUG-GREEN', quantity: 1 }] }),
  (order) => ({ ...order, customer: { ...order.customer, email: 'call me' } }),
  (order) => ({ ...order, total_cents: order.total_cents - 100 }),
  (order) => ({ ...order, items: [] }),
  (order) => ({ ...order, ...itemsOf([{ article: articleOf('MUG-1999'), quantity: 1 }]) }),
  (order) => ({ ...order, items: [{ sku: 'KETTLE', quantity: 0 }] }),
  (order) => ({ ...order, customer: { ...order.customer, email: 'nobody@mailinator.example' } }),
  (order) => ({ ...order, items: [{ sku: 'KETTLE', quantity: '2' }] }),
  (order) => ({ ...order, ...itemsOf([{ article: articleOf('GRINDER'), quantity: 7 }]) }),
  (order) => ({ ...order, total_cents: -order.total_cents }),
  (order) => ({ ...order, coupon: 'FREE' }),
  (order) => JSON.stringify(order).slice(0, 60),
];

const lines: string[] = [];
for (let number = 1; number <= ORDERS; number += 1) {
  const order = goodOrder(number);
  const mishap = number % 16 === 7 ? MISHAPS[Math.floor(number / 16) % MISHAPS.length] : undefined;
  const line = mishap ? mishap(order) : order;
  lines.push(typeof line === 'string' ? line : JSON.stringify(line));
  // somebody pressed the button twice
  if (number === 40 || number === 333) lines.push(JSON.stringify(order));
}
writeFileSync(join(import.meta.dirname, 'orders.jsonl'), `${lines.slice(0, ORDERS).join('\n')}\n`);
