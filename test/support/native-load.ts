// The JavaScript thread while another language works in the same process, and memory after many calls and after large ones. One
// language in a process: what another one gave back before would be taken again, and look like growth.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../../core/json.ts';
import { residentMegabytes } from '../../bench/held-memory.ts';
import { median, repeated } from '../../bench/measure.ts';
import { delayBesideThread, delayDuring } from './event-loop-delay.ts';
import type { NativeCalls } from './native.ts';

const ROUNDS = 5;
const CALLS = 100_000; // a million: npm run bench -- native-memory

export interface LoadedLanguage {
  /** Why it cannot be tested here. */
  readonly lacking: string | undefined;
  readonly start: () => Promise<NativeCalls>;
  /** Handlers that return their context. */
  readonly echoes: readonly string[];
}

export function testLoad({ lacking, start, echoes }: LoadedLanguage): void {
  let calls: NativeCalls;
  beforeAll(async () => {
    if (lacking === undefined) calls = await start();
  });
  afterAll(async () => calls?.stop());

  async function many(echo: string, count: number, atOnce = 16, context: Json = { id: 1 }): Promise<void> {
    let left = count;
    const one = async (): Promise<void> => {
      while ((left -= 1) >= 0) await calls.results(echo, context);
    };
    await Promise.all(Array.from({ length: atOnce }, one));
  }

  /** In MB. */
  async function grownBy(work: () => Promise<void>): Promise<number> {
    const before = residentMegabytes();
    await work();
    await calls.results('Collects'); // Ruby has its garbage until then
    return residentMegabytes() - before;
  }

  test.skipIf(lacking)('the event loop goes on while handlers burn the CPU', async () => {
    const beside = await delayBesideThread(); // what the machine does to it when anything burns the CPU
    const burn = () => Promise.all([1, 2, 3, 4].map(() => calls.results('Burns', { seconds: 0.4 })));
    expect(await delayDuring(burn)).toBeLessThan(beside < 3 ? 10 : 10 + beside);
  });

  test.skipIf(lacking)(`nothing is kept of ${CALLS} calls`, async () => {
    const each = (count: number) => async () => {
      for (const echo of echoes) await many(echo, count / echoes.length);
    };
    const readings = await repeated(ROUNDS + 1, async () => {
      await each(CALLS / ROUNDS)();
      return residentMegabytes();
    });
    const growths = readings.slice(1).map((reading, round) => reading - (readings[round] ?? 0));
    // what leaks grows in each round; the young generation of V8 grows once, by 48 MB
    expect(ROUNDS * median(growths)).toBeLessThan(20);
  }, 120_000); // prettier-ignore

  test.skipIf(lacking)('nothing is kept of payloads of five megabytes', async () => {
    const context = { text: 'x'.repeat(5_000_000) };
    const each = (count: number) => async () => {
      for (const echo of echoes) await many(echo, count, 2, context);
    };
    await grownBy(each(2));
    expect(await grownBy(each(24))).toBeLessThan(120); // 15 for each thread if it held its last attempt
  }, 120_000); // prettier-ignore
}
