// The JavaScript thread while Python works in the same process, and memory after many calls.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NativeCalls, nativePython } from '../../support/native.ts';

const { environment, skipped } = await nativePython();
const CALLS = 100_000;
const MEGABYTE = 1024 * 1024;
let calls: NativeCalls;

beforeAll(async () => {
  if (skipped === undefined) calls = await NativeCalls.start({ environment, concurrency: 16 });
});
afterAll(async () => calls?.stop());

/** p99 of the delay of the event loop while something goes on, in milliseconds. */
async function delayDuring(work: Promise<unknown>): Promise<number> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await work;
  histogram.disable();
  return histogram.percentile(99) / 1e6;
}

async function many(count: number): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while ((left -= 1) >= 0) await calls.results('Echo', { order_id: left });
  };
  await Promise.all(Array.from({ length: 16 }, one));
}

test.skipIf(skipped)('the event loop goes on while handlers of Python burn the CPU', async () => {
  const idle = await delayDuring(pause(1_000)); // what the machine does to it by itself
  const burning = Promise.all([1, 2, 3, 4].map(() => calls.results('Burns', { seconds: 1 })));
  expect(await delayDuring(burning)).toBeLessThan(10 + idle);
});

test.skipIf(skipped)(
  `${CALLS} calls leave memory as it was`,
  async () => {
    await many(CALLS / 5); // until allocators have taken what they keep
    const before = process.memoryUsage.rss();
    await many(CALLS);
    expect((process.memoryUsage.rss() - before) / MEGABYTE).toBeLessThan(20);
  },
  120_000,
);
