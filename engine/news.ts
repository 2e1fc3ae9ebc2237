// News between engines: what this one hears, and whom of its parts that concerns; and what it tells the others.
import type { Aftermath } from '../sql/steps.ts';
import { notifyEngines } from '../sql/tasks.ts';
import { crewFor } from './crew.ts';
import type { Machinery } from './machinery.ts';

/** Something was said on the channel. */
export function hear(machinery: Machinery, message: string): void {
  const { supply, deadlines, scheduler, recovery, vigil } = machinery;
  if (message === 'ready') supply.claims.wake();
  else if (message === 'wakeups') machinery.drainWakeups();
  else if (message === 'deadlines') deadlines.look();
  else if (message === 'schedules') scheduler.look();
  else if (message === 'templates') void machinery.runtimes.look();
  else if (message === 'fleet') machinery.fleet.look();
  else if (message === 'rails') machinery.fleet.drain();
  else if (message === 'changed') recovery.settleChanged();
  else if (message === 'busy') {
    vigil.lookSharp();
    supply.claims.wake(); // whoever begins may have more than it has slots for
  } else if (message === 'revoked') recovery.checkClaims().catch(() => {}); // the next round looks again
}

/** Steps of these handlers have become ready: who is free here takes them, and what others must run they are told of. */
export function tellOfReady(machinery: Machinery, handlers: Aftermath['ready_handlers']): void {
  const { crew, roster, supply, vigil, leaving, database } = machinery;
  const ready = handlers.filter((handler) => handler !== null);
  if (ready.length === 0) return;
  const crews = [crew, ...roster.crews];
  const serving = ready.map((handler) => crewFor(crews, handler));
  if (serving.some((one) => one !== undefined)) supply.claims.wake();
  const full = !vigil.isAlone && serving.some((one) => one?.isFull);
  if (full || leaving.aborted || serving.includes(undefined)) {
    notifyEngines(database, 'ready').catch(() => {}); // their next round looks for itself
  }
}
