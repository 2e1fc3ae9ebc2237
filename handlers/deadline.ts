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
}

/** What `work` answers, or a rejection with TimeoutError. */
export async function withinDeadline<Result>(
  deadline: Deadline,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const unfollow = follow(deadline.external, controller);
  try {
    if (deadline.timeoutMs === undefined) return await work(controller.signal);
    return await race(deadline.timeoutMs, deadline.onLate, controller, work);
  } finally {
    unfollow();
  }
}

function race<Result>(
  timeoutMs: number,
  onLate: Deadline['onLate'],
  controller: AbortController,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    let over = false;
    const timer = setTimeout(
      () => {
        over = true;
        const reason = new TimeoutError(timeoutMs);
        reject(reason); // before the abort: what the work does about it comes too late
        controller.abort(reason);
      },
      Math.min(timeoutMs, MAX_TIMER_MS),
    );
    work(controller.signal).then(
      (value) => {
        if (over) return onLate({ status: 'fulfilled', value });
        clearTimeout(timer);
        resolve(value);
      },
      (reason: unknown) => {
        if (over) return onLate({ status: 'rejected', reason });
        clearTimeout(timer);
        reject(reason);
      },
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
