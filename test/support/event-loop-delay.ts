// How late the JavaScript thread is while something goes on.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** p99 of the delay of the event loop until `work` has ended, in milliseconds. */
export async function delayDuring(work: Promise<unknown>): Promise<number> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await work;
  histogram.disable();
  return histogram.percentile(99) / 1e6;
}
