// How late the JavaScript thread is while something goes on.
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { median, repeated } from '../../bench/measure.ts';

const ROUNDS = 5;

/** p99 of the delay of the event loop until `work` has ended, in milliseconds: the median of some rounds, for machines are shared. */
export async function delayDuring(work: () => Promise<unknown>): Promise<number> {
  return median(await repeated(ROUNDS, () => delayOfOne(work())));
}

/** The same while a thread of JavaScript burns the CPU in this process: what no addon can be blamed for. */
export async function delayBesideThread(): Promise<number> {
  const worker = new Worker('for (;;);', { eval: true });
  await once(worker, 'online');
  try {
    return await delayDuring(() => pause(400));
  } finally {
    await worker.terminate();
  }
}

async function delayOfOne(work: Promise<unknown>): Promise<number> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await work;
  histogram.disable();
  return histogram.percentile(99) / 1e6;
}
