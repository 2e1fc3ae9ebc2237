// Runs work that may outlive its time. When the time is up the caller gets its answer at once, the work is told through
// its signal, and whatever it still answers is handed to `onLate`, once, so that no rejection is left unhandled.
import { setMaxListeners } from 'node:events';

/** The longest delay that a Node timer can hold; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The reason in the signal of an attempt that has outlived its timeout. */
export class TimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`the attempt took longer than its timeout of ${timeoutMs / 1000} s`);
    this.name = 'TimeoutError';
  }
}

export interface Deadline {
  /** Undefined: no limit. */
  readonly timeoutMs: number | undefined;
  /** Aborting it aborts the signal of the work; the work is still waited for. */
  readonly external: AbortSignal | undefined;
  readonly onLate: (answer: PromiseSettledResult<unknown>) => void;
  /** The time was up for so many milliseconds before anybody could notice: something blocked the event loop. */
  readonly onBlocked?: (blockedMs: number) => void;
}

/** Timers come a little late on a busy machine; this late, something blocked the loop. */
const BLOCKED_MS = 100;

/** What `work` answers, or a rejection with TimeoutError. */
export async function withinDeadline<Result>(
  deadline: Deadline,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const unfollow = follow(deadline.external, controller);
  try {
    if (deadline.timeoutMs === undefined) return await work(controller.signal);
    return await race({ ...deadline, timeoutMs: deadline.timeoutMs }, controller, work);
  } finally {
    unfollow();
  }
}

function race<Result>(
  { timeoutMs, onLate, onBlocked }: Deadline & { readonly timeoutMs: number },
  controller: AbortController,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    let over = false;
    const timeOut = (overdueMs: number): void => {
      over = true;
      const reason = new TimeoutError(timeoutMs);
      reject(reason); // before the abort: what the work does about it comes too late
      controller.abort(reason);
      if (overdueMs >= BLOCKED_MS) onBlocked?.(overdueMs);
    };
    const overdueMs = (): number => performance.now() - startedAt - timeoutMs;
    const timer = setTimeout(() => timeOut(overdueMs()), Math.min(timeoutMs, MAX_TIMER_MS));
    /** Work that held the event loop answers before the timer can fire: the clock decides, not the order. */
    const end = (answer: PromiseSettledResult<Result>): void => {
      clearTimeout(timer);
      if (!over && overdueMs() > 0) timeOut(overdueMs());
      if (over) onLate(answer);
      else if (answer.status === 'fulfilled') resolve(answer.value);
      else reject(answer.reason);
    };
    work(controller.signal).then(
      (value) => end({ status: 'fulfilled', value }),
      (reason: unknown) => end({ status: 'rejected', reason }),
    );
  });
}

/** Passes an abort on. AbortSignal.any would keep every follower of a long-lived signal in memory. */
function follow(external: AbortSignal | undefined, controller: AbortController): () => void {
  if (external === undefined) return () => {};
  const passOn = () => controller.abort(external.reason);
  if (external.aborted) passOn();
  setMaxListeners(0, external); // one signal of a process has a listener per running step
  external.addEventListener('abort', passOn, { once: true });
  return () => external.removeEventListener('abort', passOn);
}
