// How limits are said to people.
import { periodText } from '../core/limits/period.ts';
import type { SaidLimit } from '../sql/limits.ts';

/** As `5 at once` or `100 in 1m for each {{ context.customer }}`. */
export function limitText({ amount, per_ms, key }: SaidLimit): string {
  const limit = per_ms === null ? `${amount} at once` : rateText(amount, per_ms);
  return key === null ? limit : `${limit} for each ${key}`;
}

export function rateText(limit: number, perMs: number): string {
  return `${limit} in ${periodText(perMs)}`;
}
