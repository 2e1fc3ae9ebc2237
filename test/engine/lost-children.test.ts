// The recorder and the claim loop together, as the machinery joins them: children that a recording has claimed are run exactly
// once, whatever happens to its answer.
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { TreadleError } from '../../core/errors.ts';
import { ClaimLoop } from '../../engine/claim-loop.ts';
import { Recorder } from '../../engine/recorder.ts';
import type { Executor } from '../../sql/database.ts';
import type { ClaimedStep } from '../../sql/delivery.ts';
import { claimSteps, undeliveredSteps } from '../../sql/steps.ts';
import { eventually } from '../support/engines.ts';
import { crewOf } from '../support/crews.ts';
import { startedWorld, type World } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { statesOfSteps } from '../support/trail.ts';

const home = testDatabase();
const log = pino({ level: 'silent' });
const away = new TreadleError('database_unavailable', 'the connection broke');

/** Runs every step at once; `ran` has an entry for each time. The recordings go over `database`. */
function engineOn(world: World, database: Executor) {
  const [ran, held] = [[] as string[], new Set<number>()];
  const run = (step: ClaimedStep): void => {
    ran.push(step.step_name);
    held.add(step.claim_id);
    void recorder
      .record(world.worker, step, { kind: 'complete', results: {} })
      .finally(() => held.delete(step.claim_id))
      .then(() => loop.slotFreed(crew));
  };
  const crew = crewOf([world.handler], () => 3);
  const loop: ClaimLoop = new ClaimLoop({
    identity: () => world.worker,
    claim: (worker, { capacity }) =>
      claimSteps(home.database, worker, [world.handler], capacity, { lateStart: true }),
    undelivered: (worker) => undeliveredSteps(home.database, worker, [...held]),
    crews: () => [crew],
    dispatch: (_worker, steps) => steps.forEach(run),
    onFenced: async () => {},
    outageOver: async () => {},
    leaseMs: 60_000,
    pollIntervalMs: () => 2 ** 31 - 1,
    pause: async () => {},
    log,
  });
  const recorder: Recorder = new Recorder({
    database,
    log,
    onRecorded: ({ ready_handlers }) => ready_handlers.length > 0 && loop.wake(),
    pause: async () => {},
    successors: {
      order: (ended) => {
        const loan = loop.lend(ended);
        return { ...loan.room, lateStart: true, loan };
      },
      arrived: ({ loan }, asked, worker, steps) => loop.repay(loan, asked, worker, steps),
      lost: ({ loan }) => loop.writeOff(loan),
    },
  });
  onTestFinished(() => loop.stop());
  loop.start();
  return { ran };
}

/** The database; some statements, or their answers, are lost on the way. */
function losing(lost: (nth: number) => 'statement' | 'answer' | undefined): Executor {
  let count = 0;
  return {
    query: async (text, values) => {
      const what = lost((count += 1));
      if (what === 'statement') throw away;
      const rows = await home.database.query(text, values);
      if (what === 'answer') throw away;
      return rows as never[];
    },
  };
}

const SHAPE = { a: [], b: ['a'], c: ['a'], d: ['b', 'c'], e: ['d'], f: ['d'], g: ['d'], h: ['e', 'f', 'g'] };

test.each<[string, (nth: number) => 'statement' | 'answer' | undefined]>([
  ['nothing is lost', () => undefined],
  ['every fifth answer is lost', (nth) => (nth % 5 === 1 ? 'answer' : undefined)],
  ['every third statement is lost', (nth) => (nth % 3 === 0 ? 'statement' : undefined)],
  ['both happen', (nth) => (({ 1: 'answer', 4: 'statement' }) as const)[nth % 7]],
])('when %s, every step runs once', async (_what, lost) => {
  const world = await startedWorld(home.database, SHAPE);
  const { ran } = engineOn(world, losing(lost));
  const states = () => statesOfSteps(home.database, world.taskId);
  await eventually(states, (all) => Object.values(all).every((state) => state === 'complete'));
  expect(ran.toSorted()).toEqual(Object.keys(SHAPE));
  expect(await violations(home.database)).toEqual([]);
});
