// One order from enqueued to complete: through a real engine, a real queue (graphile-worker) and a real Postgres, down to
// every row it leaves behind. The last stop of the newcomer's walk: what you read here is what happens.
//
//     validate ──> reserve ────┐
//            └───> authorize ──┴──> ship
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineTask } from '../../core/template/builder.ts';
import { Engine } from '../../engine/engine.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import { StepHandler } from '../../handlers/step-handler.ts';
import { stepIdsOf } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { stateOfTask, statesOfSteps, stepColumns, trailOf } from '../support/trail.ts';

interface Valid {
  context: { order_id: number; lines: number };
  output: { order_id: number };
}
class Validate extends StepHandler<Valid> {
  override process({ task }: StepContext<Valid>) {
    return { order_id: task.context.order_id };
  }
}

interface Reserved {
  needs: { validate: { order_id: number } };
  output: { shelf: string };
}
class Reserve extends StepHandler<Reserved> {
  override process({ sequence }: StepContext<Reserved>) {
    return { shelf: `shelf for ${sequence.result('validate').order_id}` };
  }
}

interface Authorized {
  needs: { validate: { order_id: number } };
  output: { paid: boolean };
}
class Authorize extends StepHandler<Authorized> {
  override process() {
    return { paid: true };
  }
}

interface Shipped {
  needs: { reserve: { shelf: string }; authorize: { paid: boolean } };
  output: { parcel: string };
}
class Ship extends StepHandler<Shipped> {
  override process({ sequence }: StepContext<Shipped>) {
    return { parcel: `from ${sequence.result('reserve').shelf}` };
  }
}

const context = z.object({ order_id: z.number(), lines: z.number() });

const order = defineTask({ namespace_name: 'shop', name: 'fulfil_order', version: '1.0.0', context })
  .step('validate', Validate)
  .step('reserve', Reserve, { depends_on_steps: ['validate'] })
  .step('authorize', Authorize, { depends_on_steps: ['validate'] })
  .step('ship', Ship, { depends_on_steps: ['reserve', 'authorize'] })
  .build();

const home = testDatabase();

test('an order goes from enqueued to complete, and the audit trail tells all of it', async () => {
  const engine = new Engine({ database: home.url, templates: [order] });
  await engine.start();

  // 1. Enqueued: the task, its steps and its job are committed together. No transition row means pending.
  const { task_id, created } = await engine.createTask({
    namespace_name: 'shop',
    name: 'fulfil_order',
    context: { order_id: 7, lines: 2 },
  });
  expect(created).toBe(true);

  // 2. The queue wakes the task, its steps are claimed, handled and recorded; the last outcome ends the task.
  expect(await engine.waitForTask(task_id)).toBe('complete');
  await engine.stop();

  // 3. The task moved twice.
  expect(await trailOf(home.database, 'task', task_id)).toEqual([
    {
      from_state: 'pending',
      to_state: 'in_progress',
      sort_key: 10,
      most_recent: false,
      metadata: { event: 'start', triggered_by: 'treadle' },
    },
    {
      from_state: 'in_progress',
      to_state: 'complete',
      sort_key: 20,
      most_recent: true,
      metadata: { event: 'complete', total_steps: 4 },
    },
  ]);

  // 4. Each step moved twice too: claimed by a worker, then completed by the same worker.
  const steps = await stepIdsOf(home.database, task_id);
  expect(Object.keys(steps)).toEqual(['validate', 'reserve', 'authorize', 'ship']);
  for (const step of Object.values(steps)) {
    const [claimed, completed, ...more] = await trailOf(home.database, 'workflow_step', step);
    expect(more).toEqual([]);
    expect(claimed).toEqual({
      from_state: 'pending',
      to_state: 'in_progress',
      sort_key: 10,
      most_recent: false,
      metadata: { event: 'start', attempt_number: 1, worker_id: expect.any(Number), triggered_by: 'treadle' },
    });
    expect(completed).toEqual({
      from_state: 'in_progress',
      to_state: 'complete',
      sort_key: 20,
      most_recent: true,
      metadata: {
        event: 'complete',
        attempt_number: 1,
        claim_id: expect.any(Number),
        worker_id: claimed?.metadata['worker_id'],
        execution_duration: expect.any(Number),
      },
    });
  }

  // 5. What the handlers returned is on the step rows, where Rails and the children read it.
  const results = {
    validate: { order_id: 7 },
    reserve: { shelf: 'shelf for 7' },
    authorize: { paid: true },
    ship: { parcel: 'from shelf for 7' },
  };
  for (const [name, expected] of Object.entries(results)) {
    expect(await stepColumns(home.database, steps[name] ?? 0)).toEqual({
      attempts: 1,
      processed: true,
      in_process: false,
      processed_at: expect.any(Date),
      last_attempted_at: expect.any(Date),
      backoff_request_seconds: null,
      results: expected,
    });
  }

  // 6. Nothing is left to do: no derived row, no claim, no wake-up, no job.
  expect(await stateOfTask(home.database, task_id)).toBe('complete');
  expect(new Set(Object.values(await statesOfSteps(home.database, task_id)))).toEqual(new Set(['complete']));
  const leftOver = await home.database.query(`
    select 'ready' as what from treadle.ready_steps
    union all select 'gate' from treadle.gates
    union all select 'claim' from treadle.claims
    union all select 'wakeup' from treadle.wakeups
    union all select 'worker' from treadle.workers
    union all select 'job' from graphile_worker.jobs`);
  expect(leftOver).toEqual([]);
});
