// The law of limits, for any history of one handler under three limits at once (of each customer, of each region in a
// period, of the handler): no claim goes beyond any of them, and none leaves a step behind that all of them allow.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Executor } from '../../sql/database.ts';
import type { ClaimedStep } from '../../sql/delivery.ts';
import { setLimits } from '../../sql/limits.ts';
import { moveClock } from '../support/factories.ts';
import { AGAIN, end, limitedWorld, ready, take, type LimitedWorld } from '../support/limited.ts';
import { testDatabase } from '../support/postgres.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const home = testDatabase();
const PERIOD_S = 60;

const anyContext = fc.record({
  customer: fc.constantFrom('a', 'b', 'c', 'd'),
  region: fc.constantFrom('north', 'south'),
});
const anyEvent = fc.oneof(
  fc.record({
    kind: fc.constant('ready' as const),
    contexts: fc.array(anyContext, { minLength: 1, maxLength: 6 }),
  }),
  fc.record({ kind: fc.constant('take' as const), capacity: fc.constantFrom(1, 2, 3, 100) }),
  fc.record({ kind: fc.constant('end' as const), count: fc.nat({ max: 4 }), again: fc.boolean() }),
  fc.record({ kind: fc.constant('wait' as const), seconds: fc.constantFrom(1, 20, 40, 61) }),
  fc.record({ kind: fc.constant('set' as const), concurrency: fc.integer({ min: 1, max: 5 }) }),
);
type Event = typeof anyEvent extends fc.Arbitrary<infer One> ? One : never;

interface History {
  readonly world: LimitedWorld;
  readonly perCustomer: number;
  readonly perPeriod: number;
  atOnce: number;
  running: ClaimedStep[];
  readonly starts: { readonly region: unknown; readonly at: number }[];
}

const contextOf = ({ task }: ClaimedStep) => task.context;

async function instantOf(tx: Executor): Promise<number> {
  const [row] = await tx.query<{ at: number }>('select extract(epoch from treadle.now())::float8 as at');
  return row?.at ?? Number.NaN;
}

async function takeSome(tx: Executor, history: History, capacity: number): Promise<void> {
  const before = history.running.length;
  const { steps } = await take(history.world, tx, capacity);
  const at = await instantOf(tx);
  history.running.push(...steps);
  history.starts.push(...steps.map((step) => ({ region: contextOf(step)['region'], at })));
  if (steps.length > 0) expect(history.running.length).toBeLessThanOrEqual(Math.max(before, history.atOnce));
  for (const { task } of steps) expectWithin(history, task.context['customer'], task.context['region'], at);
  if (steps.length < capacity) expect(await leftBehind(tx, history, at)).toEqual([]);
}

function expectWithin(history: History, customer: unknown, region: unknown, at: number): void {
  expect(runningOf(history, customer)).toBeLessThanOrEqual(history.perCustomer);
  expect(startsOf(history, region, at)).toBeLessThanOrEqual(history.perPeriod);
}

const runningOf = ({ running }: History, customer: unknown): number =>
  running.filter((step) => contextOf(step)['customer'] === customer).length;
/** A little less than the period: the instants here are read after the claims. */
const startsOf = ({ starts }: History, region: unknown, at: number): number =>
  starts.filter((start) => start.region === region && start.at > at - PERIOD_S + 0.5).length;

/** What waits although no limit forbids it. */
async function leftBehind(tx: Executor, history: History, at: number): Promise<object[]> {
  const waiting = await tx.query<{ customer: string; region: string }>(
    `select context ->> 'customer' as customer, context ->> 'region' as region
     from treadle.ready_steps join public.tasker_tasks using (task_id) where handler = $1`,
    [history.world.handler],
  );
  return waiting.filter(
    ({ customer, region }) =>
      history.running.length < history.atOnce &&
      runningOf(history, customer) < history.perCustomer &&
      startsOf(history, region, at + 1) < history.perPeriod &&
      startsOf(history, region, at) < history.perPeriod,
  );
}

async function happen(tx: Executor, history: History, event: Event): Promise<void> {
  if (event.kind === 'ready') await ready(history.world, event.contexts);
  if (event.kind === 'take') await takeSome(tx, history, event.capacity);
  if (event.kind === 'wait') await moveClock(tx, event.seconds);
  if (event.kind === 'set') {
    history.atOnce = event.concurrency;
    await setLimits(
      tx,
      { scope: 'handler', subject: history.world.handler },
      { concurrency: event.concurrency },
    );
  }
  if (event.kind === 'end') {
    const ended = history.running.splice(0, event.count);
    if (ended.length > 0) await end(history.world, ended, event.again ? AGAIN : {});
  }
}

const anyNumbers = fc.record({
  perCustomer: fc.integer({ min: 1, max: 2 }),
  perPeriod: fc.integer({ min: 1, max: 6 }),
});
const anyHistory = fc.array(anyEvent, { minLength: 5, maxLength: 25 });

/** Holds the law against histories; `mistake` is SQL that breaks it before. */
function judge(runs: number, mistake = 'select'): Promise<void> {
  return fc.assert(
    fc.asyncProperty(anyNumbers, anyHistory, async ({ perCustomer, perPeriod }, events) => {
      const limits = {
        concurrency: { limit: perCustomer, key: '{{ context.customer }}' },
        rate: { limit: perPeriod, per: `${PERIOD_S}s`, key: '{{ context.region }}' },
        default_retry_limit: 100,
      };
      await inRolledBackTransaction(home.database, async (tx) => {
        await tx.query(mistake);
        const world = await limitedWorld(tx, limits);
        const history = { world, perCustomer, perPeriod, atOnce: Infinity, running: [], starts: [] };
        for (const event of events) await happen(tx, history, event);
      });
    }),
    { numRuns: runs, endOnFailure: true },
  );
}

test('no claim goes beyond a limit, and none leaves behind what all limits allow', async () => {
  await judge(40);
}, 120_000);

test.each([
  ['one step too many at once', 'v_group.amount - count(*)', 'v_group.amount + 1 - count(*)'],
  ['a slot that is never used', 'v_group.amount - count(*)', 'v_group.amount - 1 - count(*)'],
  ['a period that is too short', 'p_at - v_group.per', 'p_at - v_group.per / 2'],
])(
  'the law finds %s',
  async (_what, right, wrong) => {
    const mistake = `do $$ begin
      execute replace(pg_get_functiondef('treadle.group_room'::regproc), '${right}', '${wrong}');
    end $$`;
    await expect(judge(200, mistake)).rejects.toThrow(/Property failed/);
  },
  120_000,
);
