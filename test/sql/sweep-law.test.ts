// The law of the sweep: after any history, by any hand and unseen, and after any damage to the rows that Treadle keeps, one
// sweep lets the task come to its end.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Executor } from '../../sql/database.ts';
import { takeBackLostSteps } from '../../sql/steps.ts';
import { createdWorld, moveClock, type World } from '../support/factories.ts';
import { anyHistory, anyShape, happen, letItEnd, type Happening } from '../support/histories.ts';
import { testDatabase } from '../support/postgres.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';
import { derivedRows, stateOfTask } from '../support/trail.ts';
import { sweep, troublesOf, unnoticed } from '../support/sweeping.ts';

const home = testDatabase();

const SABOTAGES = {
  'loses the wake-ups': 'delete from treadle.wakeups',
  'loses the offers': 'delete from treadle.ready_steps',
  'loses the gates': 'delete from treadle.gates',
  'opens the gates': 'update treadle.gates set open_parents = 0',
  'shuts the gates': 'update treadle.gates set open_parents = 7',
  'loses the claims': 'delete from treadle.claims',
  'loses the workers': 'delete from treadle.workers',
  'loses the changes': 'delete from treadle.changed_tasks',
  'gives everything to the queue, which loses it': `update treadle.wakeups set handed_at = treadle.now()`,
  'forgets the open tasks': 'delete from treadle.open_tasks',
  'holds the offers': 'update treadle.ready_steps set held = true',
  'offers every step': `insert into treadle.ready_steps (workflow_step_id, task_id, handler)
    select s.workflow_step_id, s.task_id, (select handler from treadle.step_definitions limit 1)
    from public.tasker_workflow_steps s
    where not exists (select from treadle.claims k where k.workflow_step_id = s.workflow_step_id)
    on conflict do nothing`,
} as const;

const anySabotage = fc.subarray(Object.keys(SABOTAGES) as (keyof typeof SABOTAGES)[], { minLength: 1 });
const anyHiddenHistory = fc.array(
  fc.record({
    kind: fc.constantFrom('other hand on a step' as const, 'other hand on the task' as const),
    nth: fc.nat({ max: 30 }),
  }),
  { maxLength: 4 },
);

async function arrange(
  tx: Executor,
  shape: Readonly<Record<string, readonly string[]>>,
  history: readonly Happening[],
) {
  const each = { default_retry_limit: 2 };
  let world = await createdWorld(tx, shape, { each, leaseSeconds: 1_000_000 });
  for (const event of history) world = await happen(world, event);
  return world;
}

/** The derived rows; gates of tasks that have ended mean nothing. */
async function kept(tx: Executor, { taskId }: World) {
  const { ready, gates } = await derivedRows(tx, taskId);
  return (await stateOfTask(tx, taskId)) === 'in_progress' ? { ready, gates } : { ready };
}

/** What refresh_tasks would make of the derived rows, without keeping it. */
async function rebuilt(tx: Executor, world: World) {
  await tx.query('savepoint before');
  await tx.query('select treadle.refresh_tasks(array[$1::bigint])', [world.taskId]);
  const derived = await kept(tx, world);
  await tx.query('rollback to savepoint before');
  return derived;
}

/** Whether the task sleeps beyond the instant at which something of it can run. */
async function oversleeps(tx: Executor, { taskId }: World): Promise<boolean> {
  if (!['pending', 'in_progress'].includes(await stateOfTask(tx, taskId))) return false;
  const late = await tx.query(
    `select
     from treadle.task_decisions(array[$1::bigint], treadle.utc_now()) d
     join treadle.wakeups w on w.task_id = d.task_id and w.reason = 'retry_due'
     where w.run_at > greatest(d.run_at at time zone 'UTC', treadle.now()) + interval '1 second'`,
    [taskId],
  );
  return late.length > 0;
}

test('after any history, unseen writes and sabotage one sweep lets the task come to its end', async () => {
  const law = fc.asyncProperty(
    anyShape,
    anyHistory,
    anyHiddenHistory,
    anySabotage,
    (shape, history, hidden, sabotages) =>
      inRolledBackTransaction(home.database, async (tx) => {
        let world = await arrange(tx, shape, history);
        await unnoticed(tx, async () => {
          for (const event of hidden) world = await happen(world, event);
        });
        for (const sabotage of sabotages) await tx.query(SABOTAGES[sabotage]);
        await moveClock(tx, 6);
        await sweep(tx);
        expect(await troublesOf(world)).toEqual([]);
        expect(await kept(tx, world)).toEqual(await rebuilt(tx, world));
        expect(await oversleeps(tx, world)).toBe(false);
        await takeBackLostSteps(tx);
        world = await happen(world, { kind: 'worker dies' });
        expect(['complete', 'error', 'cancelled', 'resolved_manually']).toContain(await letItEnd(world));
      }),
  );
  await fc.assert(law, { numRuns: 100 });
});
