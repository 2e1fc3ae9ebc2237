// The queue of one process: timers, under a clock that the test turns.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { dedupeKey, type TaskJob } from '../../../engine/queue/adapter.ts';
import { InMemoryQueue } from '../../../engine/queue/in-memory.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const job = (task_id: number, seconds?: number): TaskJob => ({
  task_id,
  run_at: seconds === undefined ? undefined : new Date(Date.now() + seconds * 1000),
  reason: 'created',
  dedupe_key: dedupeKey(task_id),
  priority: 0,
  correlation_id: 'test',
});

async function started(failures = 0) {
  const [queue, ran] = [new InMemoryQueue(), [] as number[]];
  let left = failures;
  await queue.start(async (taskId) => {
    ran.push(taskId);
    if ((left -= 1) >= 0) throw new Error('not yet');
  });
  return { queue, ran };
}

test('a job runs at once, a later one at its time', async () => {
  const { queue, ran } = await started();
  await queue.enqueue([job(1), job(2, 60)]);
  await vi.advanceTimersByTimeAsync(59_000);
  expect(ran).toEqual([1]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(ran).toEqual([1, 2]);
});

test('a later job of the same task replaces the one that waits', async () => {
  const { queue, ran } = await started();
  await queue.enqueue([job(1, 60), job(1, 10)]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(ran).toEqual([1]);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(ran).toEqual([1]);
});

test('jobs that come before the start wait for it', async () => {
  const [queue, ran] = [new InMemoryQueue(), [] as number[]];
  await queue.enqueue([job(1)]);
  await queue.start(async (taskId) => void ran.push(taskId));
  await vi.advanceTimersByTimeAsync(0);
  expect(ran).toEqual([1]);
});

test('a job whose task could not be started comes again', async () => {
  const { queue, ran } = await started(2);
  await queue.enqueue([job(1)]);
  await vi.advanceTimersByTimeAsync(5000);
  expect(ran).toEqual([1, 1, 1]);
});

test('a wait beyond what a timer can hold is kept', async () => {
  const { queue, ran } = await started();
  const days = 60 * 86_400;
  await queue.enqueue([job(1, days)]);
  await vi.advanceTimersByTimeAsync((days - 1) * 1000);
  expect(ran).toEqual([]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(ran).toEqual([1]);
});

test('nothing runs after the stop, and health counts what waits', async () => {
  const { queue, ran } = await started();
  await queue.enqueue([job(1, 1), job(2, 1)]);
  expect(await queue.health()).toMatchObject({
    ok: true,
    message: expect.stringContaining('2 jobs waiting'),
  });
  await queue.stop();
  await vi.advanceTimersByTimeAsync(5000);
  expect(ran).toEqual([]);
});
