// Watches the orders of a run until none is under way.
import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../../index.ts';
import { newDisplay } from './progress-display.ts';
import { isUnderWay, readProgress, type Progress } from './progress.ts';

const LOOK_MS = 200;
/** A look at many orders takes a while: pause so many times as long, so that watching stays cheap. */
const PAUSE_PER_LOOK = 9;
/** The provider's longest wait is two seconds: after so long without any step something is wrong. */
const STALLED_MS = 30_000;

export interface Watched {
  readonly progress: Progress;
  readonly seconds: number;
}

export interface Watching {
  readonly database: Database;
  readonly run: string;
  readonly signal: AbortSignal;
}

/** Resolves when all orders are placed and have ended, or when nothing has moved for half a minute. */
export async function watch({ database, run, signal }: Watching, placing: () => boolean): Promise<Watched> {
  const display = newDisplay();
  const start = performance.now();
  let progress = await readProgress(database, run);
  let movedAt = start;
  let lookedFor = 0;
  try {
    while ((placing() || isUnderWay(progress)) && performance.now() - movedAt < STALLED_MS) {
      display.show(progress, (performance.now() - start) / 1000);
      // oxlint-disable-next-line no-await-in-loop -- looking again and again is the point
      await pause(LOOK_MS + lookedFor * PAUSE_PER_LOOK, undefined, { signal });
      const lookedAt = performance.now();
      // oxlint-disable-next-line no-await-in-loop
      const next = await readProgress(database, run);
      lookedFor = performance.now() - lookedAt;
      if (hasMoved(progress, next)) movedAt = performance.now();
      progress = next;
    }
    const seconds = (performance.now() - start) / 1000;
    display.show(progress, seconds);
    return { progress, seconds };
  } finally {
    display.end();
  }
}

function hasMoved(before: Progress, after: Progress): boolean {
  return (['orders', 'steps', 'retrying', 'earlier'] as const).some((key) => before[key] !== after[key]);
}
