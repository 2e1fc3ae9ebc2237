// What the shop sells. Edit catalogue.json to run the demo with articles of your own.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const Article = z.strictObject({
  sku: z.string().min(1),
  name: z.string().min(1),
  price_cents: z.int().positive(),
  /** Pieces on the shelf when a run begins. */
  stock: z.int().min(0),
});
export type Article = z.infer<typeof Article>;

export const catalogue: readonly Article[] = z
  .array(Article)
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, 'catalogue.json'), 'utf8')));

const bySku = new Map(catalogue.map((article) => [article.sku, article]));

export function findArticle(sku: string): Article | undefined {
  return bySku.get(sku);
}
