// When a polled queue is looked at, under a clock that the test turns: never while nothing happens, on time when a job comes
// due, every second while something may come.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ATTENTIVE_MS } from '../../../engine/periods.ts';
import { Polling } from '../../../engine/queue/polling.ts';

const A_DAY = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A polling and the instants of its looks, in ms from now. */
function started(): { polling: Polling; looks: number[] } {
  const [looks, began] = [[] as number[], performance.now()];
  const look = () => void looks.push(performance.now() - began);
  return { polling: new Polling({ look, everyMs: 1000 }), looks };
}

/** So many looks, a second apart. */
const everySecond = (from: number, count: number) => Array.from({ length: count }, (_, n) => from + n * 1000);

test('while nothing is due and nothing is added, nobody looks', () => {
  const { polling, looks } = started();
  polling.attend();
  vi.advanceTimersByTime(ATTENTIVE_MS);
  looks.length = 0;
  vi.advanceTimersByTime(A_DAY);
  expect(looks).toEqual([]);
});

test('a job that comes due is looked for when it is, not before, and then every second until the next round', () => {
  const { polling, looks } = started();
  polling.expect(4200);
  vi.advanceTimersByTime(A_DAY);
  expect(looks).toEqual(everySecond(4202, 1 + ATTENTIVE_MS / 1000));
});

test('of several jobs the nearest counts, in whatever order they are heard of', () => {
  const { polling, looks } = started();
  polling.expect(60_000);
  polling.expect(3000);
  polling.expect(70_000);
  vi.advanceTimersByTime(3010);
  expect(looks).toEqual([3002]);
});

test('a job that comes due is not forgotten over what else there is to hear', () => {
  const { polling, looks } = started();
  polling.expect(700);
  polling.hears();
  polling.attend();
  vi.advanceTimersByTime(710);
  expect(looks).toEqual([50, 702]);
});

test('a job that is due is looked for at once', () => {
  const { polling, looks } = started();
  polling.expect(0);
  vi.advanceTimersByTime(1);
  expect(looks).toHaveLength(1);
});

test('after a job was added, perhaps for later, every second is looked until a round has asked', () => {
  const { polling, looks } = started();
  polling.attend();
  vi.advanceTimersByTime(500);
  polling.attend();
  vi.advanceTimersByTime(A_DAY);
  expect(looks).toEqual(everySecond(1000, 1 + ATTENTIVE_MS / 1000));
});

test('while notifications do not arrive every second is looked, and right after they do', () => {
  const { polling, looks } = started();
  polling.deaf();
  vi.advanceTimersByTime(60_000);
  expect(looks).toEqual(everySecond(1000, 60));
  polling.hears();
  vi.advanceTimersByTime(A_DAY);
  expect(looks.slice(60)).toEqual(everySecond(60_050, 1 + ATTENTIVE_MS / 1000));
});

test('a job in a month is looked for then', () => {
  const { polling, looks } = started();
  polling.expect(31 * A_DAY);
  vi.advanceTimersByTime(31 * A_DAY - 1000);
  const early = looks.length;
  vi.advanceTimersByTime(1100);
  expect([early, looks.length]).toEqual([1, 2]); // the longest timer of Node rang on the way
});

test('nobody looks after the stop', () => {
  const { polling, looks } = started();
  polling.expect(100);
  polling.stop();
  polling.attend();
  vi.advanceTimersByTime(A_DAY);
  expect(looks).toEqual([]);
});
