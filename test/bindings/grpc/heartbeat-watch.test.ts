// Silence is noticed, but not while it was this process that slept.
import { expect, onTestFinished, test } from 'vitest';
import { HeartbeatWatch } from '../../../bindings/grpc/worker/heartbeat-watch.ts';

function watch(timeoutMs: number) {
  let silences = 0;
  let tell = (): void => {};
  const silent = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const onSilence = (): void => {
    silences += 1;
    tell();
  };
  const watching = new HeartbeatWatch({ timeoutMs, onSilence });
  const keep = setInterval(() => {}, 1000); // its own timer holds no process
  onTestFinished(() => {
    watching.stop();
    clearInterval(keep);
  });
  return { watching, silent, silences: () => silences };
}

function sleepHard(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('silence is told once', async () => {
  const { silent, silences } = watch(30);
  const since = performance.now();
  await silent;
  expect(performance.now() - since).toBeGreaterThanOrEqual(29);
  expect(silences()).toBe(1);
});

test('what was said while this process slept is heard first', async () => {
  const { watching, silences } = watch(100);
  sleepHard(300);
  await new Promise((resolve) => setTimeout(resolve, 1)); // the overdue look comes first, then the socket is read
  watching.heard();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(silences()).toBe(0);
});

test('a watch that was stopped tells nothing', async () => {
  const { watching, silences } = watch(10);
  watching.stop();
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(silences()).toBe(0);
});
