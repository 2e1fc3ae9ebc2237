// Between the look at what blocks an event loop and the exception that interrupts it, the loop may go on: thousands of
// interrupts, and those who share the loop are never hit.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NativeCalls, nativePython } from '../../support/native.ts';

const { environment, skipped } = await nativePython();
let calls: NativeCalls;

beforeAll(async () => {
  if (skipped !== undefined) return;
  calls = await NativeCalls.start({ environment, modules: ['native_races'], concurrency: 1 });
});
afterAll(async () => calls?.stop());

test.skipIf(skipped)('interrupts strike the attempt that they are for, and no neighbour', async () => {
  const { struck, steps, hit } = (await calls.results('Races', { seconds: 3 })) as Record<string, number>;
  expect(struck).toBeGreaterThan(5);
  expect(steps).toBeGreaterThan(100);
  expect(hit).toBe(0);
});
