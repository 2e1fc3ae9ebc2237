import { expect, test } from 'vitest';
import type { StepContext } from '../../handlers/step-context.ts';
import { runStep, StepHandler } from '../../handlers/step-handler.ts';
import { StopOrder } from '../../handlers/stop-order.ts';
import { deferred, settled, stepInvocation } from '../support/step-invocation.ts';

/** A handler whose process is the given function; it counts what runs after it. */
class Subject extends StepHandler {
  readonly work: (context: StepContext) => unknown;
  processed = 0;
  constructor(work: (context: StepContext) => unknown) {
    super();
    this.work = work;
  }
  process(context: StepContext) {
    return this.work(context);
  }
  override processResults() {
    this.processed += 1;
  }
}

const untilAborted = ({ signal }: StepContext) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

test('a handler that ignores its signal times out all the same', async () => {
  const { invocation } = stepInvocation({ timeout_ms: 5 });
  const outcome = await runStep(new Subject(() => new Promise(() => {})), invocation);
  expect(outcome).toMatchObject({
    kind: 'error',
    code: 'timed_out',
    permanent: false,
    error_class: 'TimeoutError',
  });
  expect(outcome).toHaveProperty('error', expect.stringContaining('0.005 s'));
});

test('a handler that stops when its signal aborts times out, without a warning', async () => {
  const { invocation, lines } = stepInvocation({ timeout_ms: 5 });
  expect(await runStep(new Subject(untilAborted), invocation)).toMatchObject({ code: 'timed_out' });
  await settled();
  expect(lines.map((line) => line.level)).toEqual([20]);
});

test('a late answer is dropped, logged once, and goes no further', async () => {
  const { promise, resolve } = deferred<string>();
  const subject = new Subject(() => promise);
  const { invocation, lines } = stepInvocation({ timeout_ms: 5 });
  await runStep(subject, invocation);
  resolve('too late');
  await settled();
  expect(subject.processed).toBe(0);
  expect(lines).toEqual([
    expect.objectContaining({ level: 40, msg: expect.stringContaining('answered after') }),
  ]);
});

test('a late rejection is dropped and logged once', async () => {
  const { promise, reject } = deferred<string>();
  const { invocation, lines } = stepInvocation({ timeout_ms: 5 });
  await runStep(new Subject(() => promise), invocation);
  reject(new Error('too late'));
  await settled();
  expect(lines).toEqual([
    expect.objectContaining({ level: 40, msg: expect.stringContaining('failed after') }),
  ]);
});

test('a before-hook is under the timeout too, and process does not start after it', async () => {
  const { promise, resolve } = deferred<void>();
  let started = false;
  class Slow extends StepHandler {
    override before() {
      return promise;
    }
    process() {
      started = true;
    }
  }
  expect(await runStep(new Slow(), stepInvocation({ timeout_ms: 5 }).invocation)).toMatchObject({
    code: 'timed_out',
  });
  resolve();
  await settled();
  expect(started).toBe(false);
});

test('an after-hook that never ends does not hold the outcome back', async () => {
  class Hanging extends StepHandler {
    process() {
      return 1;
    }
    override after() {
      return new Promise<void>(() => {});
    }
  }
  const { invocation, lines } = stepInvocation({ timeout_ms: 5 });
  expect(await runStep(new Hanging(), invocation)).toEqual({
    kind: 'complete',
    results: 1,
    results_json: '1',
  });
  expect(lines).toEqual([expect.objectContaining({ level: 50 })]);
});

test('no timer is left behind by an attempt that ended in time', async () => {
  const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  await runStep(new Subject(() => 1), stepInvocation({ timeout_ms: 60_000 }).invocation);
  const after = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  expect(after).toBe(before);
});

test('a timeout longer than a timer can hold does not fire at once', async () => {
  const { promise, resolve } = deferred<number>();
  setImmediate(() => setImmediate(() => resolve(1)));
  const { invocation } = stepInvocation({ timeout_ms: 2 ** 40 });
  class Patient extends StepHandler {
    process() {
      return promise;
    }
  }
  expect(await runStep(new Patient(), invocation)).toEqual({
    kind: 'complete',
    results: 1,
    results_json: '1',
  });
});

test('an order to stop reaches the handler with its reason, and the attempt fails retryable', async () => {
  const stop = new StopOrder();
  const { invocation } = stepInvocation({ stop, timeout_ms: 60_000 });
  const running = runStep(new Subject(untilAborted), invocation);
  await settled();
  stop.give(new Error('the task was cancelled'));
  expect(await running).toMatchObject({
    code: 'handler_error',
    permanent: false,
    error: 'the task was cancelled',
  });
});

test('a handler that finishes in spite of an order to stop completes', async () => {
  const stop = new StopOrder();
  const { promise, resolve } = deferred<void>();
  const running = runStep(new Subject(() => promise), stepInvocation({ stop }).invocation);
  await settled();
  stop.give(new Error('the engine stops'));
  resolve();
  expect(await running).toMatchObject({ kind: 'complete' });
});

test('process does not start when the order to stop came first', async () => {
  let started = false;
  const subject = new Subject(() => {
    started = true;
  });
  const stop = new StopOrder();
  stop.give(new Error('shutting down'));
  expect(await runStep(subject, stepInvocation({ stop }).invocation)).toMatchObject({
    error: 'shutting down',
  });
  expect(started).toBe(false);
});

test('a signal that is looked at for the first time after the order to stop has aborted already', async () => {
  const stop = new StopOrder();
  const reason = new Error('the task was cancelled');
  let seen: AbortSignal | undefined;
  const subject = new Subject(async (context) => {
    stop.give(reason);
    await settled();
    seen = context.signal;
  });
  await runStep(subject, stepInvocation({ stop }).invocation);
  expect(seen).toMatchObject({ aborted: true, reason });
});

test('the first order to stop counts', () => {
  const stop = new StopOrder();
  const { signal } = stop;
  stop.give(new Error('first'));
  stop.give(new Error('second'));
  expect([stop.reason, signal.reason]).toEqual([new Error('first'), new Error('first')]);
});

test('work that holds the event loop past its timeout has timed out, and its answer is late', async () => {
  const subject = new Subject(() => {
    const until = performance.now() + 150;
    while (performance.now() < until);
    return 'done';
  });
  const { invocation, lines } = stepInvocation({ timeout_ms: 5 });
  expect(await runStep(subject, invocation)).toMatchObject({ code: 'timed_out' });
  await settled();
  expect(lines).toEqual([
    expect.objectContaining({ level: 40, blocked_ms: expect.any(Number) as number }),
    expect.objectContaining({ level: 40, msg: expect.stringContaining('answered after') as string }),
  ]);
});
