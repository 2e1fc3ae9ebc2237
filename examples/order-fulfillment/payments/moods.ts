// How the provider will behave towards one request, decided by a seed and the order alone: the same orders meet the same
// trouble in every run, whatever the order in which they come.
import { createHash } from 'node:crypto';

export type Mood =
  | 'fine'
  | 'declined' // 402, for good
  | 'busy' // 429 with Retry-After in seconds
  | 'busy_until' // 429 with Retry-After as a date
  | 'broken' // 500
  | 'slow' // does it, and answers when nobody waits any more
  | 'hung_up'; // does it, and closes the connection without an answer

export type Operation = 'authorize' | 'capture';

/** Of 1000 orders so many meet these moods, one per attempt; after them all is well. */
const TROUBLES: readonly { readonly share: number; readonly moods: readonly Mood[] }[] = [
  { share: 30, moods: ['busy'] },
  { share: 15, moods: ['busy', 'busy'] },
  { share: 25, moods: ['busy_until'] },
  { share: 50, moods: ['broken'] },
  { share: 15, moods: ['broken', 'broken', 'busy'] },
  { share: 20, moods: ['slow'] },
  { share: 25, moods: ['hung_up'] },
];
const DECLINED_SHARE = 30;

/** `attempt` is 1 for the first request that the provider sees. */
export function moodOf(seed: number, operation: Operation, orderId: string, attempt: number): Mood {
  if (operation === 'authorize' && draw(seed, 'declined', orderId) < DECLINED_SHARE) return 'declined';
  let rest = draw(seed, operation, orderId);
  for (const { share, moods } of TROUBLES) {
    if (rest < share) return moods[attempt - 1] ?? 'fine';
    rest -= share;
  }
  return 'fine';
}

/** A number from 0 to 999. */
function draw(seed: number, purpose: string, orderId: string): number {
  return createHash('sha256').update(`${seed}/${purpose}/${orderId}`).digest().readUInt32BE(0) % 1000;
}
