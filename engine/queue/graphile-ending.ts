// The end of a graphile-worker runner: in good order, because it gave up, or never, where Postgres goes away while it ends: then
// it waits for an answer that nobody sends. Whoever waits here waits for some seconds at most, and it is left to itself.
import { setTimeout as pause } from 'node:timers/promises';
import type { Runner, WorkerEvents } from 'graphile-worker';

const LONGEST_END_MS = 5000;

/** A runner that ends: in an object, as a promise in the hands of an async function would be waited for. */
export interface Ending {
  readonly ended: Promise<unknown>;
}

/** It has logged why. Its own promise alone is not enough: it may never resolve. */
export function endingOf(runner: Runner, events: WorkerEvents): Ending {
  const ended = runner.promise.catch(() => {});
  const endless = new Promise<void>((resolve) => {
    events.once('pool:gracefulShutdown', () => void noLonger(ended).then(resolve));
  });
  return { ended: Promise.race([ended, endless]) };
}

/** Waits for the end of something, failed or not, but not for ever. */
export async function noLonger(end: Promise<unknown> | undefined): Promise<void> {
  const timer = new AbortController();
  const { signal } = timer;
  const late = pause(LONGEST_END_MS, undefined, { signal, ref: false });
  await Promise.race([end, late]).catch(() => {});
  late.catch(() => {});
  timer.abort();
}
