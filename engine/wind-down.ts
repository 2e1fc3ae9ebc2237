// How an engine comes to rest: nothing more is claimed, running steps end or are given back, and every last word to
// Postgres and the queue has its time, so that the process also ends while they are away.
import { setTimeout as pause } from 'node:timers/promises';
import type { Machinery } from './machinery.ts';
import type { StopReport } from './options.ts';

/** How long handlers may take to heed their signal. */
const HEED_MS = 1000;
/** How long each last word to Postgres and the queue may take. */
const LAST_WORD_MS = 5000;
const LAST_WORD_TO_NOBODY_MS = 1000;

/** `hurry` ends the grace. */
export async function windDown(
  machinery: Machinery,
  graceMs: number,
  hurry: AbortSignal,
): Promise<StopReport> {
  const {
    supply,
    roster,
    queue,
    dispatcher,
    lateStarts,
    outage,
    recovery,
    deadlines,
    scheduler,
    sweep,
    vigil,
    membership,
    finalizer,
    handover,
    fleet,
    runtimes,
    listener,
  } = machinery;
  const before = dispatcher.counts;
  roster.dismiss('the engine stops');
  await lastWord(machinery, supply.stop()); // first: from this moment on nothing more is claimed
  handover.leave();
  const queueStopped = lastWord(machinery, Promise.all([queue.stop(), fleet.leave()]));
  await endSteps(machinery, graceMs, hurry);
  await queueStopped;
  outage.stop();
  const others = [lateStarts, recovery, deadlines, scheduler, sweep, fleet, runtimes, vigil];
  await within(LAST_WORD_MS, Promise.all(others.map((part) => part.stop())));
  const left = await lastWord(machinery, membership.leave());
  if (left) finalizer.settle(left);
  await lastWord(machinery, Promise.all([handover.stop(), listener.stop()]));
  const { ended, givenBack, unrecorded } = dispatcher.counts;
  const undelivered = left?.given_back ?? 0;
  return { ended: ended - before.ended, givenBack: givenBack - before.givenBack + undelivered, unrecorded };
}

/** Handlers end by themselves, or because they are told to, or not at all: then their steps are given back. */
async function endSteps(machinery: Machinery, graceMs: number, hurry: AbortSignal): Promise<void> {
  const { dispatcher, recorder } = machinery;
  await within(graceMs, dispatcher.idle(), hurry);
  dispatcher.abort(new Error('the engine stops'));
  await within(HEED_MS, dispatcher.idle());
  dispatcher.release();
  await lastWord(machinery, dispatcher.idle());
  recorder.abandon();
  await lastWord(machinery, dispatcher.idle());
}

/** While Postgres is away there is nobody to speak to. */
export function lastWord<Result>({ outage }: Machinery, work: Promise<Result>): Promise<Result | undefined> {
  return within(outage.lasts ? LAST_WORD_TO_NOBODY_MS : LAST_WORD_MS, work);
}

/** What `work` gives, or undefined when it took too long, failed or the signal aborted: for work at the end of a process. */
async function within<Result>(
  ms: number,
  work: Promise<Result>,
  signal?: AbortSignal,
): Promise<Result | undefined> {
  const enough = new AbortController();
  const either = signal ? AbortSignal.any([signal, enough.signal]) : enough.signal;
  const timeout = pause(ms, undefined, { signal: either }).catch(() => undefined);
  try {
    return await Promise.race([work, timeout]);
  } catch {
    return undefined;
  } finally {
    enough.abort();
  }
}
