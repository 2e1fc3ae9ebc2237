// The benchmark of queues runs at its smallest size with every queue that the machine has, and says what its goals rest on.
import { describe, expect, test } from 'vitest';
import { goals, queueRow, type QueueRun, type QueuesResult } from '../../bench/queues/result.ts';
import { measureWay, type Listener, type Way } from '../../bench/queues/way.ts';
import { quickBench } from '../support/benches.ts';

const way = (p50_ms: number) => ({ p50_ms, p99_ms: 10 * p50_ms, per_second: 1000 / p50_ms });
const run = (bare: number, adapter: number, task: number): QueueRun => ({
  bare: way(bare),
  adapter: way(adapter),
  task: way(task),
});

describe('what the benchmark queues concludes', () => {
  test('an adapter may add less than a fifth to the latency of the bare queue, by the medians', () => {
    const quick = queueRow('BullMQ', [run(1, 1.1, 5), run(1, 1.1, 5), run(50, 90, 500)]);
    const slow = queueRow('Sidekiq', [run(2, 2.4, 5)]);
    expect(goals([quick, slow])).toEqual([
      { what: 'BullMQ: the adapter adds', goal: '< 20 %', found: '10 %', reached: true },
      { what: 'Sidekiq: the adapter adds', goal: '< 20 %', found: '20 %', reached: false },
    ]);
  });

  test('the default queue must bring a task to its first step in less than 10 ms', () => {
    const [, goal] = goals([queueRow('graphile-worker', [run(3, 3, 10)])]);
    expect(goal).toMatchObject({ goal: '< 10 ms', found: '10 ms', reached: false });
  });
});

describe('how a way is measured', () => {
  const sizes = { warmUp: 1, latency: 2, rate: 3 };
  const twice = async ({ began, ended }: Listener): Promise<Way> => ({
    add: async (ids) => {
      for (const id of [...ids, ...ids]) {
        began(id);
        ended(id);
      }
    },
    close: async () => {},
  });

  test('a job that is delivered twice counts once', async () => {
    const added: number[] = [];
    const verify = async (jobs: number): Promise<unknown> => added.push(jobs);
    await measureWay(async (listener) => ({ ...(await twice(listener)), verify }), sizes);
    expect(added).toEqual([1 + 1 + 2 + 3]);
  });

  test('a worker that dies is an error', async () => {
    const broken = Promise.reject(new Error('ruby ended: no memory'));
    broken.catch(() => {}); // it is looked at later
    const dead = async (): Promise<Way> => ({ add: async () => {}, broken, close: async () => {} });
    await expect(measureWay(dead, sizes)).rejects.toThrow('ruby ended: no memory');
  });
});

test(
  'queues says for each queue what it adds, and which it had to leave out',
  { timeout: 600_000 },
  async () => {
    const { rows, missing } = await quickBench<QueuesResult>('queues');
    const known = ['graphile-worker', 'BullMQ', 'Sidekiq', 'Celery, Redis', 'Celery, RabbitMQ'];
    const left = known.filter((name) => missing.some((why) => why.startsWith(`${name}: `)));
    expect([...rows.map(({ queue }) => queue), ...left].toSorted()).toEqual(known.toSorted());
    for (const { bare, adapter, task } of rows) {
      for (const { p50_ms, per_second } of [bare, adapter, task]) {
        expect(Math.min(p50_ms, per_second)).toBeGreaterThan(0);
      }
    }
  },
);
