// The JavaScript thread while Ruby works in the same process, and memory after many calls.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { delayDuring } from '../../support/event-loop-delay.ts';
import { nativeRuby, startRuby } from '../../support/native-ruby.ts';
import type { NativeCalls } from '../../support/native.ts';

const skipped = await nativeRuby();
const CALLS = 100_000;
const MEGABYTE = 1024 * 1024;
let calls: NativeCalls;

beforeAll(async () => {
  if (skipped === undefined) calls = await startRuby({ concurrency: 16 });
});
afterAll(async () => calls?.stop());

async function many(count: number): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while ((left -= 1) >= 0) await calls.results('Echo', { order_id: left });
  };
  await Promise.all(Array.from({ length: 16 }, one));
}

test.skipIf(skipped)('the event loop goes on while handlers of Ruby burn the CPU', async () => {
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
