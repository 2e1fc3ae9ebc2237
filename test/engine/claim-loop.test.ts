// The claim loop after errors: what was claimed without an answer is run, an outage is waited for, and a fenced worker comes
// back before it claims on.
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { TreadleError } from '../../core/errors.ts';
import { ClaimLoop, type ClaimLoopOptions } from '../../engine/claim-loop.ts';
import { claimSteps, undeliveredSteps, type WorkerIdentity } from '../../sql/steps.ts';
import { Signal } from '../support/engines.ts';
import { startedWorld, type World } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();
const away = new TreadleError('database_unavailable', 'the connection broke');

/** A loop for the worker of this world; `dispatched` names what reached it, `first` happens with the first of it. */
function loopOf(world: World, options: Partial<ClaimLoopOptions>) {
  const [dispatched, first] = [[] as string[], new Signal()];
  const loop = new ClaimLoop({
    identity: () => world.worker,
    claim: (worker, capacity) => claimSteps(world.db, worker, [world.handler], capacity),
    undelivered: (worker) => undeliveredSteps(world.db, worker, []),
    freeCapacity: () => 10,
    dispatch: (_worker, steps) => {
      dispatched.push(...steps.map((step) => step.step_name));
      first.happen();
    },
    onFenced: async () => {},
    outageOver: async () => {},
    leaseMs: 60_000,
    pollIntervalMs: 2 ** 31 - 1,
    pause: async () => {},
    log: pino({ level: 'silent' }),
    ...options,
  });
  onTestFinished(() => loop.stop());
  loop.start();
  return { loop, dispatched, first };
}

test('steps whose claim was answered to a broken connection are run all the same, once', async () => {
  const world = await startedWorld(home.database, { a: [] });
  let claims = 0;
  const claim = async (worker: WorkerIdentity, capacity: number) => {
    const steps = await claimSteps(world.db, worker, [world.handler], capacity);
    claims += 1;
    if (claims === 1) throw away;
    return steps;
  };
  const { loop, dispatched, first } = loopOf(world, { claim });
  await first.happened;
  await loop.stop();
  expect(dispatched).toEqual(['a']);
});

test('an outage is waited for before anything is asked again', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const order: string[] = [];
  const { first } = loopOf(world, {
    claim: async () => {
      order.push('claim');
      throw away;
    },
    outageOver: async () => void order.push('over'),
    undelivered: async () => {
      order.push('undelivered');
      return claimSteps(world.db, world.worker, [world.handler], 1);
    },
  });
  await first.happened;
  expect(order.slice(0, 3)).toEqual(['claim', 'over', 'undelivered']);
});

test('a loop that waits for Postgres stops when it is told to', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const waiting = new Signal();
  const { loop } = loopOf(world, {
    claim: async () => Promise.reject(away),
    outageOver: (_error, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve());
        waiting.happen();
      }),
  });
  await waiting.happened;
  await expect(loop.stop()).resolves.toBeUndefined();
});

test('a fenced worker comes back before it claims again', async () => {
  const world = await startedWorld(home.database, { a: [] });
  let fenced = true;
  const { first, dispatched } = loopOf(world, {
    claim: async (worker, capacity) => {
      if (fenced) throw new TreadleError('fenced', 'declared dead');
      return claimSteps(world.db, worker, [world.handler], capacity);
    },
    onFenced: async (lost) => {
      expect(lost).toBe(world.worker);
      fenced = false;
    },
  });
  await first.happened;
  expect(dispatched).toEqual(['a']);
});

test('an answer that took longer than the lease is not trusted: only what is still held is run', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const asked = new Signal();
  const { dispatched, loop } = loopOf(world, {
    leaseMs: -1, // every answer takes longer
    claim: async (worker, capacity) => {
      const steps = await claimSteps(world.db, worker, [world.handler], capacity);
      await home.database.query('delete from treadle.claims where task_id = $1', [world.taskId]);
      return steps;
    },
    undelivered: async (worker) => {
      asked.happen();
      return undeliveredSteps(world.db, worker, []);
    },
  });
  await asked.happened;
  await loop.stop();
  expect(dispatched).toEqual([]);
});
