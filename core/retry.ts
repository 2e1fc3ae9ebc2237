// The retry policy as data, and the one function that turns it into a delay. The instant itself is computed in SQL.
import { z } from 'zod';

/** Exponential backoff: `base_seconds * factor^(attempt-1)`, capped, then spread by `jitter` (0.1 = plus or minus 10 %). */
export const backoffSchema = z.strictObject({
  base_seconds: z.number().min(0).max(86_400).default(1),
  factor: z.number().min(1).max(10).default(2),
  max_seconds: z.number().min(0).max(604_800).default(300),
  jitter: z.number().min(0).max(1).default(0.1),
});
export type Backoff = z.infer<typeof backoffSchema>;

export const DEFAULT_BACKOFF: Backoff = backoffSchema.parse({});

/** The longest wait that a Retry-After header or RetryableError can ask for, in seconds. */
export const MAX_RETRY_AFTER_SECONDS = 86_400;

/**
 * Seconds to wait after a failed attempt (1 is the first). A wait that the other side asked for is respected as it is,
 * at least: jitter is only added on top, so that a crowd does not come back at the same instant.
 * `random` returns a number in [0, 1).
 */
export function retryDelaySeconds(
  backoff: Backoff,
  attempt: number,
  retryAfterSeconds: number | undefined,
  random: () => number = Math.random,
): number {
  if (retryAfterSeconds !== undefined && Number.isFinite(retryAfterSeconds)) {
    const asked = Math.min(Math.max(retryAfterSeconds, 0), MAX_RETRY_AFTER_SECONDS);
    return asked * (1 + backoff.jitter * random());
  }
  const exponential = backoff.base_seconds * backoff.factor ** (attempt - 1);
  const capped = Math.min(exponential, backoff.max_seconds);
  return Math.min(capped * (1 + backoff.jitter * (2 * random() - 1)), backoff.max_seconds);
}
