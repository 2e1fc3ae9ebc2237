// Attempts in short bursts, with pauses around the time for which a program looks for the next one before it sleeps: each is
// answered, and none waits for a later one to wake its thread.
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { nativeRuby, startRuby } from '../../support/native-ruby.ts';
import { NativeCalls, nativePython } from '../../support/native.ts';

const { environment, skipped: withoutPython } = await nativePython();
const withoutRuby = await nativeRuby();
const BURSTS = 1_500;
const SUBMITTERS = 8;
/** Microseconds; a look takes at most 200. */
const PAUSES = [0, 15, 80, 170, 195, 205, 250, 600];

const places = [
  { handler: 'Echo', skipped: withoutPython, start: () => NativeCalls.start({ environment }) },
  { handler: 'AsyncEcho', skipped: withoutPython, start: () => NativeCalls.start({ environment }) },
  { handler: 'Echo', skipped: withoutRuby, start: () => startRuby() },
].map((place, at) => ({ ...place, name: ['def in Python', 'async def in Python', 'Ruby'][at] ?? '' }));

/** Not a sleep: a timer would be a millisecond. */
async function pause(microseconds: number): Promise<void> {
  const until = performance.now() + microseconds / 1000;
  while (performance.now() < until) await turn();
}

/** Nobody else sends anything meanwhile, save other submitters. */
async function submit(calls: NativeCalls, handler: string, bursts: number): Promise<number> {
  let answered = 0;
  for (let burst = 0; burst < bursts; burst += 1) {
    const numbers = Array.from({ length: 1 + (burst % 4) }, (_, place) => burst + place);
    const results = await Promise.all(numbers.map((number) => calls.results(handler, { number })));
    expect(results).toEqual(numbers.map((number) => ({ number })));
    answered += results.length;
    await pause(PAUSES[burst % PAUSES.length] ?? 0);
  }
  return answered;
}

describe.each(places)('attempts of $name in bursts', ({ handler, skipped, start }) => {
  test.skipIf(skipped)(
    'all come back, from one submitter and from many at once',
    async () => {
      const calls = await start();
      try {
        expect(await submit(calls, handler, BURSTS)).toBe(BURSTS * 2.5);
        const each = Math.floor(BURSTS / SUBMITTERS);
        const many = Array.from({ length: SUBMITTERS }, () => submit(calls, handler, each));
        expect(new Set(await Promise.all(many)).size).toBe(1);
      } finally {
        await calls.stop();
      }
    },
    60_000,
  );
});
