// Waiting for the end of what contenders do.
import type { Pool } from 'pg';

/** Resolves when `down` was called so many times. */
export function countdown(from: number): { readonly down: () => void; readonly zero: Promise<void> } {
  let reached: () => void = () => {};
  const zero = new Promise<void>((resolve) => {
    reached = resolve;
  });
  let left = from;
  return {
    zero,
    down: () => {
      left -= 1;
      if (left === 0) reached();
    },
  };
}

/** Asks a question with the column `yes`, every few milliseconds, until it is so: not all of them tell when they have written. */
export async function until(pool: Pool, question: string): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ yes: boolean }>(question);
    if (rows[0]?.yes) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The `count` of the first row. */
export async function count(pool: Pool, question: string): Promise<number> {
  const { rows } = await pool.query<{ count: string }>(question);
  return Number(rows[0]?.count);
}

/** So many calls, at most `atOnce` of them under way. */
export async function inLanes(calls: number, atOnce: number, call: () => Promise<unknown>): Promise<void> {
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < calls) {
      begun += 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
