// The one timer of all that wait for the earliest of many instants. Time is faked: these are its rules, without a database.
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { NextLook } from '../../engine/next-look.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A look that lasts until `end` is called, and how many were begun. */
function slowLook() {
  const ends: (() => void)[] = [];
  const next = new NextLook(() => new Promise<void>((resolve) => void ends.push(resolve)));
  onTestFinished(() => ends.forEach((end) => end()));
  const settled = async (): Promise<void> => void (await vi.advanceTimersByTimeAsync(0));
  return { next, looks: () => ends.length, end: () => (ends.at(-1)?.(), settled()) };
}

test('the earliest of what is expected counts', async () => {
  const { next, looks } = slowLook();
  for (const inMs of [900, 300, 600]) next.expect(inMs);
  await vi.advanceTimersByTimeAsync(299);
  expect(looks()).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(looks()).toBe(1);
});

test('what a look plans takes the place of what was expected', async () => {
  const { next, looks } = slowLook();
  next.expect(300);
  next.plan(600);
  await vi.advanceTimersByTimeAsync(599);
  expect(looks()).toBe(0);
  next.plan(null);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(looks()).toBe(0);
});

test('any number of calls during a look make one more', async () => {
  const { next, looks, end } = slowLook();
  for (const _ of [1, 2, 3]) next.now();
  expect(looks()).toBe(1);
  await end();
  expect(looks()).toBe(2);
  await end();
  expect(looks()).toBe(2);
});

test('an instant beyond the longest timer of Node is not taken for now', async () => {
  const { next, looks } = slowLook();
  next.expect(2 ** 40);
  await vi.advanceTimersByTimeAsync(1_000_000);
  expect(looks()).toBe(0);
});

test('after stop nothing is looked at, and stop waits for the look under way', async () => {
  const { next, looks, end } = slowLook();
  next.now();
  let stopped = false;
  const stopping = next.stop().then(() => (stopped = true));
  next.now();
  next.expect(5);
  await vi.advanceTimersByTimeAsync(1000);
  expect([looks(), stopped]).toEqual([1, false]);
  await end();
  await stopping;
  expect(looks()).toBe(1);
});
