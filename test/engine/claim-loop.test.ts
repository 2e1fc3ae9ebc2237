// The claim loop after errors: what was claimed without an answer is run, an outage is waited for, and a fenced worker comes
// back before it claims on. And its loans: slots that recordings under way may fill with children.
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { TreadleError } from '../../core/errors.ts';
import { ClaimLoop, type ClaimLoopOptions } from '../../engine/claim-loop.ts';
import { claimSteps, undeliveredSteps, type Room, type WorkerIdentity } from '../../sql/steps.ts';
import { crewOf } from '../support/crews.ts';
import { Signal } from '../support/engines.ts';
import { claimLate, completed, handOver, startedWorld, type World } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { deferred, settled } from '../support/step-invocation.ts';

const home = testDatabase();
const away = new TreadleError('database_unavailable', 'the connection broke');

/** A loop for the worker of this world; `dispatched` names what reached it, `first` happens with the first of it. */
function loopOf(
  world: World,
  { freeCapacity, ...options }: Partial<ClaimLoopOptions> & { freeCapacity?: () => number },
) {
  const crew = crewOf([world.handler], freeCapacity);
  const [dispatched, first] = [[] as string[], new Signal()];
  const loop = new ClaimLoop({
    identity: () => world.worker,
    claim: (worker, { capacity }) => claimSteps(world.db, worker, [world.handler], capacity),
    undelivered: (worker) => undeliveredSteps(world.db, worker, []),
    crews: () => [crew],
    dispatch: (_worker, steps) => {
      dispatched.push(...steps.map((step) => step.step_name));
      first.happen();
    },
    onFenced: async () => {},
    outageOver: async () => {},
    leaseMs: 60_000,
    pollIntervalMs: () => 2 ** 31 - 1,
    pause: async () => {},
    log: pino({ level: 'silent' }),
    ...options,
  });
  onTestFinished(() => void loop.stop());
  loop.start();
  return { loop, dispatched, first };
}

test('steps whose claim was answered to a broken connection are run all the same, once', async () => {
  const world = await startedWorld(home.database, { a: [] });
  let claims = 0;
  const claim = async (worker: WorkerIdentity, { capacity }: Room) => {
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
    claim: async (worker, { capacity }) => {
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
    claim: async (worker, { capacity }) => {
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

/** More slots than a claim under way asks for. */
const roomy = { freeCapacity: () => 1000 };

/** Nothing to claim, and nobody asks. */
const nothing = { claim: async () => [], undelivered: async () => [] };

test('slots are lent once, and what is lent is not claimed for', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const asked: number[] = [];
  const claim = async (_worker: WorkerIdentity, { capacity }: Room) => {
    asked.push(capacity);
    return [];
  };
  const { loop } = loopOf(world, { ...nothing, claim });
  await settled();
  const [four, six, none] = [loop.lend(4), loop.lend(20), loop.lend(1)];
  expect([four, six, none].map(({ slots }) => slots)).toEqual([4, 6, 0]);
  loop.repay(six, performance.now(), world.worker, []);
  loop.wake();
  await settled();
  expect(asked.at(-1)).toBe(6);
  for (const loan of [four, none]) loop.repay(loan, performance.now(), world.worker, []);
});

test('what the claim under way may fill is not lent', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const claiming = deferred<void>();
  const claim = async () => claiming.promise.then(() => []);
  const { loop } = loopOf(world, { ...nothing, claim });
  await settled();
  expect(loop.lend(1).slots).toBe(0);
  claiming.resolve();
  await settled();
  expect(loop.lend(1).slots).toBe(1);
});

test('nothing is lent when everything runs', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const { loop } = loopOf(world, { ...nothing, freeCapacity: () => -3 });
  expect(loop.lend(5).slots).toBe(0);
});

test('the less is needed the less is lent, but never nothing; and at once more when it is', async () => {
  const { world, record } = await recordedParent();
  const { loop } = loopOf(world, { ...nothing, ...roomy });
  const lent: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    const loan = loop.lend(8);
    lent.push(loan.slots);
    loop.repay(loan, performance.now(), world.worker, []);
  }
  expect(lent).toEqual([8, 4, 2, 1, 1, 1]);
  loop.repay(loop.lend(1), performance.now(), world.worker, (await record()).claimed);
  expect(loop.lend(8).slots).toBe(8);
});

/** A parent whose child a recording claims; the answer says so, or is lost. */
async function recordedParent(): Promise<{ world: World; record: () => ReturnType<typeof handOver> }> {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claimLate(world);
  return { world, record: () => handOver(world, {}, completed(world, 'a')) };
}

test('children that a recording brings are run', async () => {
  const { world, record } = await recordedParent();
  const { loop, dispatched } = loopOf(world, nothing);
  const [loan, asked] = [loop.lend(1), performance.now()];
  loop.repay(loan, asked, world.worker, (await record()).claimed);
  expect(dispatched).toEqual(['b']);
});

test('children whose recording was answered to a broken connection are run all the same, once', async () => {
  const { world, record } = await recordedParent();
  const { loop, dispatched, first } = loopOf(world, roomy);
  await settled();
  const loan = loop.lend(1);
  await record();
  loop.writeOff(loan);
  await first.happened;
  await loop.stop();
  expect(dispatched).toEqual(['b']);
});

test('children that were lost while a claim was under way are asked for after it', async () => {
  const { world, record } = await recordedParent();
  const claiming = deferred<void>();
  const claim = async () => {
    await claiming.promise;
    return [];
  };
  const { loop, dispatched, first } = loopOf(world, { claim, ...roomy });
  await settled();
  const loan = loop.lend(1);
  await record();
  loop.writeOff(loan);
  claiming.resolve();
  await first.happened;
  await loop.stop();
  expect(dispatched).toEqual(['b']);
});

test('what is lost is asked for only when every loan is back: else it might be run twice', async () => {
  const { world, record } = await recordedParent();
  const { loop, dispatched, first } = loopOf(world, {
    ...roomy,
    undelivered: async (worker) => {
      const known = new Set(dispatched); // as an engine asks: by what it has at that moment
      const steps = await undeliveredSteps(world.db, worker, []);
      return steps.filter(({ step_name }) => !known.has(step_name));
    },
  });
  await settled();
  const [lost, brings, asked] = [loop.lend(1), loop.lend(1), performance.now()];
  const { claimed } = await record();
  loop.writeOff(lost);
  await settled();
  expect([dispatched, loop.lend(1).slots]).toEqual([[], 0]);
  loop.repay(brings, asked, world.worker, claimed);
  await first.happened;
  await loop.stop();
  expect(dispatched).toEqual(['b']);
});

test('children whose answer took longer than the lease are run only when they are still held', async () => {
  const { world, record } = await recordedParent();
  const over = new Signal();
  const { loop, dispatched } = loopOf(world, {
    claim: async () => [],
    undelivered: async (worker) => {
      over.happen();
      return undeliveredSteps(world.db, worker, []);
    },
  });
  await settled();
  const loan = loop.lend(1);
  const { claimed } = await record();
  await home.database.query('delete from treadle.claims where task_id = $1', [world.taskId]);
  loop.repay(loan, performance.now() - 61_000, world.worker, claimed);
  await over.happened;
  await loop.stop();
  expect(dispatched).toEqual([]);
});

test('who stops it waits for the loans, and gets no more', async () => {
  const { world, record } = await recordedParent();
  const { loop, dispatched } = loopOf(world, { ...nothing, ...roomy });
  const [loan, asked] = [loop.lend(1), performance.now()];
  const stopped = loop.stop().then(() => dispatched.push('stopped'));
  await settled();
  expect([loop.lend(1).slots, dispatched]).toEqual([0, []]);
  loop.repay(loan, asked, world.worker, (await record()).claimed);
  await stopped;
  expect(dispatched).toEqual(['b', 'stopped']);
});

/** Two crews on one loop: steps of `here` and of `there`. */
function twoCrews(world: World, free: readonly [number, number]) {
  const [here, there] = [crewOf(['here'], () => free[0]), crewOf(['there'], () => free[1])];
  const rooms: Room[] = [];
  const claim = async (_worker: WorkerIdentity, room: Room) => {
    rooms.push(room);
    return [];
  };
  return { ...loopOf(world, { ...nothing, claim, crews: () => [here, there] }), rooms, here, there };
}

test('a claim says how many steps each crew can take', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const { rooms } = twoCrews(world, [3, 7]);
  await settled();
  expect(rooms).toEqual([{ handlers: ['here', 'there'], capacity: 10, crews: [1, 2], slots: [3, 7] }]);
});

test('nothing is claimed for a crew without room', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const { rooms } = twoCrews(world, [3, 0]);
  await settled();
  expect(rooms).toEqual([{ handlers: ['here'], capacity: 3, crews: [1], slots: [3, 0] }]);
});

test('a slot that is freed has its own crew ask, and only when that one had too few', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const free: [number, number] = [3, 0];
  const { loop, rooms, here, there } = twoCrews(world, free);
  await settled();
  loop.slotFreed(here);
  await turns(3);
  expect(rooms).toHaveLength(1);
  free[1] = 2;
  loop.slotFreed(there);
  await turns(3);
  expect(rooms.slice(1)).toMatchObject([{ handlers: ['there'], capacity: 2 }]);
});

test('a slot that is freed is first filled by the recording of the step that has left it', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const { loop, rooms, there } = twoCrews(world, [0, 1]);
  await settled();
  there.hungry = true;
  loop.slotFreed(there);
  await settled();
  const loan = loop.lend(1);
  await turns(3);
  expect([loan.slots, rooms.length]).toEqual([1, 1]);
});

/** So many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await settled();
}
