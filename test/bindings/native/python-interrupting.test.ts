// Python interrupts what does not listen: a thread by an exception, and so a coroutine that blocks the event loop. What no
// exception reaches loses its loop, and those beside it are not hit.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NativeCalls, nativePython, resultsOf } from '../../support/native.ts';

const { environment, skipped } = await nativePython();
let calls: NativeCalls;

beforeAll(async () => {
  if (skipped === undefined) calls = await NativeCalls.start({ environment, concurrency: 8 });
});
afterAll(async () => calls?.stop());

/** Tells it to stop once it runs. */
async function cancelled(handler: string) {
  const call = calls.call(handler);
  await call.begun;
  call.cancel();
  return (await call.outcome).result;
}

/** A coroutine that waits on the loop of this moment until `SpeaksToThem`. */
async function bystander() {
  const call = calls.call('AsyncPatient');
  await call.begun;
  return call;
}

test.skipIf(skipped).each(['Spins', 'AsyncSpins', 'AsyncBegins'])(
  '%s gets StepCancelled where it runs Python, and nobody beside it does',
  async (handler) => {
    const beside = await bystander();
    expect(await cancelled(handler)).toMatchObject({
      $case: 'completed',
      value: { results_json: '{"reason":"timed_out"}' },
    });
    await calls.results('SpeaksToThem');
    expect(resultsOf(await beside.outcome)).toEqual(await calls.results('AsyncThread'));
    expect(calls.deafNow).toEqual([]);
  },
);

test.skipIf(skipped)('a coroutine that awaits is cancelled there', async () => {
  expect(await cancelled('AsyncWaits')).toMatchObject({
    $case: 'failed',
    value: { error_class: 'CancelledError' },
  });
});

test.skipIf(skipped)(
  'who blocks the loop and may go on is not hit for a neighbour that should stop',
  async () => {
    const waiting = calls.call('AsyncWaits');
    await waiting.begun;
    const burning = calls.call('AsyncBurns', { seconds: 2 });
    await burning.begun;
    waiting.cancel();
    expect(resultsOf(await burning.outcome)).toMatchObject({ turns: expect.any(Number) as number });
    expect((await waiting.outcome).result).toMatchObject({ value: { error_class: 'CancelledError' } });
  },
);

test.skipIf(skipped)(
  'a coroutine that swallows its cancellation loses its slot, and the loop goes on',
  async () => {
    const before = await calls.results('AsyncThread');
    expect(await cancelled('AsyncSwallows')).toMatchObject({ $case: 'released' });
    expect(calls.deafNow).toEqual(['AsyncSwallows']);
    expect(await calls.results('AsyncThread')).toEqual(before);
    await calls.results('WakesThem');
    await expect.poll(() => calls.deafNow).toEqual([]);
  },
);

test.skipIf(skipped)(
  'a loop that is blocked for good is replaced; those on it go on when it comes back',
  async () => {
    const [before, beside] = [await calls.results('AsyncThread'), await bystander()];
    expect(await cancelled('AsyncAsleep')).toMatchObject({ $case: 'released' });
    expect(calls.deafNow).toEqual(['AsyncAsleep']);
    expect(await calls.results('AsyncThread')).not.toEqual(before);
    await calls.results('SpeaksToThem');
    await calls.results('WakesThem');
    expect(resultsOf(await beside.outcome)).toEqual(before);
    await expect.poll(() => calls.deafNow).toEqual([]);
  },
);

test.skipIf(skipped)('attempts that wait behind a blocked loop are not lost', async () => {
  const blocking = calls.call('AsyncAsleep');
  await blocking.begun;
  const behind = calls.call('AsyncThread');
  const stopped = calls.call('AsyncWaits');
  stopped.cancel(); // nobody has told the one that blocks
  expect((await stopped.outcome).result).toMatchObject({ $case: 'failed' });
  expect(resultsOf(await behind.outcome)).toMatchObject({ loop: expect.any(Number) as number });
  expect(calls.deafNow).toEqual(['AsyncAsleep']);
  await calls.results('WakesThem');
  expect((await blocking.outcome).result).toMatchObject({ $case: 'completed' });
});
