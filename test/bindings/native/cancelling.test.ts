// An attempt in this process that should stop is told, and given up when it does not: its slot is free in any case, and the
// process is marked until what was given up has ended after all.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRuby, nativeRuby } from '../../support/native-ruby.ts';
import { NativeCalls, nativePython } from '../../support/native.ts';

const { environment, skipped } = await nativePython();
const LANGUAGES = [
  {
    language: 'python',
    lacking: skipped,
    start: (concurrency: number) => NativeCalls.start({ environment, concurrency }),
    stopped: { error_class: 'StepCancelled', error: 'too slow' },
  },
  {
    language: 'ruby',
    lacking: await nativeRuby(),
    start: (concurrency: number) => startRuby({ concurrency }),
    stopped: { error_class: 'Treadle::CancelledError', error: 'the attempt should stop: too slow' },
  },
];

describe.each(LANGUAGES)('an attempt in $language', ({ lacking, start, stopped }) => {
  let calls: NativeCalls;
  beforeAll(async () => {
    if (lacking === undefined) calls = await start(1);
  });
  afterAll(async () => calls?.stop());

  test.skipIf(lacking)('that listens stops at once', async () => {
    const call = calls.call('Listens');
    await call.begun;
    call.cancel();
    expect((await call.outcome).result).toMatchObject({ $case: 'failed', value: stopped });
  });

  test.skipIf(lacking)('hears also an order that overtakes it', async () => {
    const blocking = calls.call('Burns', { seconds: 0.2 }); // the only thread
    const call = calls.call('Listens');
    call.cancel();
    expect((await call.outcome).result).toMatchObject({ $case: 'failed' });
    await blocking.outcome;
  });

  test.skipIf(lacking)('that is deaf loses its slot, and marks the process', async () => {
    const call = calls.call('Asleep');
    await call.begun;
    call.cancel();
    expect((await call.outcome).result).toMatchObject({ $case: 'released' });
    expect(calls.deafNow).toEqual(['Asleep']);
    expect(await calls.results('Echo', { after: 'the deaf one' })).toEqual({ after: 'the deaf one' });
  });

  test.skipIf(lacking)('that was deaf and ends counts no more, nor does its thread', async () => {
    await calls.call('WakesThem').outcome;
    await expect.poll(() => calls.deafNow).toEqual([]);
    const all = await Promise.all([1, 2].map((number) => calls.results('Echo', { number })));
    expect(all).toEqual([{ number: 1 }, { number: 2 }]);
  });

  test.skipIf(lacking)('hears its order while another one burns the CPU', async () => {
    await calls.stop();
    calls = await start(2);
    const listening = calls.call('Listens');
    await listening.begun;
    const burning = calls.call('Burns', { seconds: 2 });
    listening.cancel();
    const first = await Promise.race([listening.outcome, burning.outcome]);
    expect(first).toBe(await listening.outcome);
    await burning.outcome;
  });
});
