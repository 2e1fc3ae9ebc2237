// The property of all interleavings: whatever is done on two or three connections in whatever order, nothing deadlocks,
// every row keeps the rules, nothing is lost (left alone, both tasks end) and nothing is doubled.
import fc from 'fast-check';
import { TreadleError } from '../../../core/errors.ts';
import { Database } from '../../../sql/database.ts';
import { recordOutcomes, type HandOver } from '../../../sql/outcomes.ts';
import { claimSteps, registerWorker, takeBackLostSteps } from '../../../sql/steps.ts';
import { settleChangedTasks, startTasks } from '../../../sql/tasks.ts';
import { moveClock, uniqueName } from '../factories.ts';
import { violations } from '../invariants.ts';
import { check } from './checker.ts';
import {
  bringHome,
  closeContest,
  holdOf,
  openArena,
  openContest,
  operationOf,
  type Arena,
} from './contenders.ts';
import { anyDeed, anyHold, type Deed, type Hold } from './deeds.ts';
import { group } from './facts.ts';
import { Interleaver, type Refusal, type Tally } from './interleaving.ts';
import { wasOvertaken } from './rails-hand.ts';
import { ChaosServer } from './server.ts';
import { EFFECTS, takeSnapshot } from './snapshot.ts';

const CONNECTIONS = 3;
/** Further connections that only hold a row each. */
const HOLDERS = 2;
/** A task needs one for each step in a row, twice for what fails in between. */
const MOST_ROUNDS = 15;

export interface Schedule {
  /** Done one after the other before it begins. */
  readonly opening: readonly Deed[];
  /** What each connection does, in order. */
  readonly deeds: readonly (readonly Deed[])[];
  /** What the further connections hold, in order. */
  readonly holds: readonly (readonly Hold[])[];
  /** Which connection is next to begin or to commit; the holders come last. */
  readonly turns: readonly number[];
}

/** Both workers have something in their hands when it begins. */
const anyOpening: fc.Arbitrary<Deed[]> = fc
  .tuple(claimBy(0), claimBy(1), fc.array(anyDeed, { maxLength: 3 }))
  .map(([one, other, more]) => [one, other, ...more]);

function claimBy(worker: number): fc.Arbitrary<Deed> {
  return fc
    .record({ capacity: fc.integer({ min: 1, max: 3 }), late: fc.boolean() })
    .map((claim): Deed => ({ kind: 'claim', worker, ...claim }));
}

export const anySchedule: fc.Arbitrary<Schedule> = fc.record({
  opening: anyOpening,
  deeds: arrayOf(CONNECTIONS, fc.array(anyDeed, { minLength: 1, maxLength: 4 })),
  holds: arrayOf(HOLDERS, fc.array(anyHold, { minLength: 1, maxLength: 4 })),
  turns: fc.array(fc.nat({ max: CONNECTIONS + HOLDERS - 1 }), { minLength: 6, maxLength: 24 }),
});

function arrayOf<Value>(length: number, arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value[]> {
  return fc.array(arbitrary, { minLength: length, maxLength: length });
}

export interface InterleavingOptions {
  readonly seed: number;
  readonly schedules: number;
  readonly onProgress?: (line: string) => void;
  /** Ends it; it rejects then. */
  readonly signal?: AbortSignal;
  /** Whether to look for the smallest schedule that breaks a rule. Default true. */
  readonly shrink?: boolean;
}

/** Plays so many schedules on a database that nobody else uses. Rejects with the smallest schedule that breaks a rule. */
export async function runInterleavings(database: Database, options: InterleavingOptions): Promise<Tally> {
  const { seed, schedules: numRuns, onProgress = () => {}, shrink = true } = options;
  await database.query(EFFECTS);
  const arena = await openArena(database);
  const interleaver = await Interleaver.open(database, CONNECTIONS + HOLDERS);
  const play = async (schedule: Schedule): Promise<void> => {
    options.signal?.throwIfAborted();
    const findings = await playSchedule(database, arena, interleaver, schedule);
    const { schedules } = interleaver.tally;
    if (schedules % 1000 === 0)
      onProgress(`${schedules} schedules, ${interleaver.tally.waits} waits for a lock`);
    if (findings.length > 0) throw new Error(findings.join('\n'));
  };
  try {
    await fc.assert(fc.asyncProperty(anySchedule, play), { seed, numRuns, endOnFailure: !shrink });
    return interleaver.tally;
  } finally {
    interleaver.close();
  }
}

/** Plays one schedule, such as a counterexample of before. Returns what is broken. */
export async function replay(database: Database, schedule: Schedule): Promise<string[]> {
  await database.query(EFFECTS);
  const arena = await openArena(database);
  const interleaver = await Interleaver.open(database, CONNECTIONS + HOLDERS);
  try {
    return await playSchedule(database, arena, interleaver, schedule);
  } finally {
    interleaver.close();
  }
}

/** Does `work` on a cluster of its own in this directory. */
export async function onOwnCluster<Result>(
  directory: string,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const server = await ChaosServer.start(directory);
  const database = new Database({ url: server.url });
  try {
    return await work(database);
  } finally {
    await database.close();
    await server.stop();
  }
}

async function playSchedule(
  database: Database,
  arena: Arena,
  interleaver: Interleaver,
  schedule: Schedule,
): Promise<string[]> {
  const contest = await openContest(arena);
  try {
    const operation = (deed: Deed) => operationOf(deed, arena, contest);
    const [first = [], ...others] = schedule.deeds.map((deeds) => deeds.map(operation));
    const refusals = await interleaver.play(
      [...schedule.opening.flatMap(() => [0, 0]), ...schedule.turns], // begin and commit, one after the other
      [
        [...schedule.opening.map(operation), ...first],
        ...others,
        ...schedule.holds.map((holds) => holds.map(holdOf)),
      ],
    );
    const findings = refusals.flatMap(refusalFindings);
    findings.push(...(await violations(database)));
    findings.push(...(await letThemEnd(database, arena)));
    return findings;
  } finally {
    await closeContest(arena);
  }
}

const WORKERS: ReadonlySet<Deed['kind']> = new Set(['claim', 'record', 'complete step']);
const OPERATORS: ReadonlySet<Deed['kind']> = new Set([
  'cancel',
  'pause',
  'resume',
  'retry',
  'retry tasks',
  'resolve',
  'resolve by force',
  'choose',
]);

/** Who writes the start and the end of a step at once is told to try again when a Rails app writes in the same instant. */
const ENDERS: ReadonlySet<Deed['kind']> = new Set(['record', 'complete step', 'take back', 'expire']);

function isToBeSentAgain(error: unknown): boolean {
  return error instanceof TreadleError && error.details['sqlstate'] === '40001';
}

/** Being told no is part of the game for some; a deadlock or a broken constraint is not. */
function refusalFindings({ operation, error }: Refusal): string[] {
  const { kind } = JSON.parse(operation) as Deed;
  const code = error instanceof TreadleError ? error.code : undefined;
  if (code === 'fenced' && WORKERS.has(kind)) return [];
  if (kind.startsWith('rails') && wasOvertaken(error)) return [];
  if (ENDERS.has(kind) && isToBeSentAgain(error)) return [];
  if (OPERATORS.has(kind) && code !== undefined && !code.startsWith('database')) return [];
  return [`${operation} failed: ${error instanceof Error ? error.message : String(error)}`];
}

/** From here on everything goes right, without any sweep: what is due is delivered, what is ready completes. */
async function letThemEnd(database: Database, arena: Arena): Promise<string[]> {
  await database.query('select treadle.resume(scope, subject) from treadle.pauses');
  await bringHome(arena);
  const identity = await registerWorker(database, {
    name: uniqueName('worker'),
    handlers: [arena.handler],
    capacity: 100,
    leaseSeconds: 1_000_000,
  });
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    await settleChangedTasks(database, 100);
    await takeBackLostSteps(database);
    await deliverWakeups(database);
    const lateStart = round % 2 === 0;
    await claimSteps(database, identity, [arena.handler], 100, { lateStart });
    await completeAll(database, { handlers: [arena.handler], capacity: 100, lateStart });
    if (!(await anyTaskOpen(database))) break;
    await moveClock(database, 100);
  }
  return [...(await violations(database)), ...check(await takeSnapshot(database), undefined)];
}

async function anyTaskOpen(database: Database): Promise<boolean> {
  const open = await database.query(
    `select
     from public.tasker_tasks t
     left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
     where coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
     limit 1`,
  );
  return open.length > 0;
}

async function deliverWakeups(database: Database): Promise<void> {
  const due = await database.query<{ task_id: number }>(
    'select task_id from treadle.wakeups where run_at <= treadle.now() order by 1',
  );
  if (due.length > 0)
    await startTasks(
      database,
      due.map(({ task_id }) => task_id),
    );
}

/** Whoever holds a claim answers, and takes the children. */
async function completeAll(database: Database, next: HandOver): Promise<void> {
  const claims = await database.query<{
    claim_id: number;
    workflow_step_id: number;
    worker_id: number;
    epoch: number;
  }>('select claim_id, workflow_step_id, worker_id, epoch from treadle.claims order by worker_id');
  for (const mine of group(claims, ({ worker_id }) => worker_id).values()) {
    const outcomes = mine.map(({ claim_id, workflow_step_id }) => {
      return {
        claim_id,
        workflow_step_id,
        step_name: 'any',
        event: 'complete',
        results: '{}',
        metadata: {},
        delay_ms: null,
      } as const;
    });
    if (mine[0]) await recordOutcomes(database, mine[0], outcomes, next);
  }
}
