// A handler that works on the engine's Postgres and completes its step in the transaction of its writes.
import { drizzle } from 'drizzle-orm/node-postgres';
import { sql } from 'drizzle-orm';
import { pino } from 'pino';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import type { TaskTemplate } from '../../core/template/template.ts';
import { Engine } from '../../engine/engine.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import { StepHandler } from '../../handlers/step-handler.ts';
import type { StepTransaction } from '../../handlers/step-transaction.ts';
import type { StepView } from '../../handlers/step-view.ts';
import { create, eventually, Signal, startEngine } from '../support/engines.ts';
import { templateOf, uniqueName } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { stateOfTask, statesOfSteps, trailOf } from '../support/trail.ts';

const home = testDatabase();

beforeAll(async () => {
  await home.database.query(`
    create table payments (task_id bigint not null, note text);
    create table broken_commits (task_id bigint not null);
    create function break_commit() returns trigger language plpgsql as $$
    begin
      perform pg_terminate_backend(pg_backend_pid());
      return null;
    end $$;
    create constraint trigger at_commit after insert on broken_commits deferrable initially deferred
    for each row execute function break_commit();
  `);
});

/** A deferred trigger ends the connection while it commits. */
const BREAK_AT_COMMIT = 'insert into broken_commits (task_id) values ($1)';

const pay = (tx: StepTransaction, taskId: number, note = 'paid') =>
  tx.query('insert into payments (task_id, note) values ($1, $2)', [taskId, note]);

async function payments(taskId: number): Promise<string[]> {
  const rows = await home.database.query<{ note: string }>(
    'select note from payments where task_id = $1 order by note',
    [taskId],
  );
  return rows.map(({ note }) => note);
}

/** A task of one step `pay` and one that follows, whose first step is this work. */
async function run(work: (context: StepContext) => unknown, each = {}) {
  const [payer, follower] = [uniqueName('pay'), uniqueName('after')]; // what another test has left is not for this one
  const steps = { pay: { handler_class: payer }, after: { handler_class: follower } };
  const template = templateOf({ pay: [], after: ['pay'] }, { each, steps });
  const seen: unknown[] = [];
  const after = ({ sequence }: StepContext) => void seen.push(sequence.result('pay'));
  const works = { [payer]: work, [follower]: after };
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
  const engine = await startEngine({ database: home.database, templates: [template], works, log });
  const taskId = await create(engine, template);
  return { engine, taskId, seen, lines };
}

const noWait = { backoff: { base_seconds: 0 } };

test('what the handler wrote and the outcome of its step are one transaction', async () => {
  const { engine, taskId, seen } = await run(({ task, transaction }) =>
    transaction(async (tx) => {
      await pay(tx, task.task_id);
      return { paid: true };
    }),
  );
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect([await payments(taskId), seen]).toEqual([['paid'], [{ paid: true }]]);
  const xids = await home.database.query<{ same: boolean }>(
    `select p.xmin = s.xmin as same
     from payments p
     join tasker_workflow_steps s on s.task_id = p.task_id
     join tasker_workflow_step_transitions t
       on t.workflow_step_id = s.workflow_step_id and t.metadata ->> 'triggered_by' = 'complete_step'
     where p.task_id = $1`,
    [taskId],
  );
  expect(xids).toEqual([{ same: true }]);
});

class Charge extends StepHandler<{ returns: number; output: { charged: number } }> {
  static override output = z.object({ charged: z.number() });
  async process({ task }: StepContext) {
    return this.transaction(async (tx) => {
      await drizzle(tx.client).execute(
        sql`insert into payments (task_id, note) values (${task.task_id}, 'drizzle')`,
      );
      return 7;
    });
  }
  override async processResults(step: StepView, output: number) {
    step.results = { charged: output, unknown: 'dropped by the schema' };
  }
}

function templateFor(handler_class: string): TaskTemplate {
  return templateOf({ charge: [] }, { each: { handler_class, ...noWait } });
}

async function startWith(handler: new () => Charge, template: TaskTemplate): Promise<Engine> {
  const engine = new Engine({ database: home.database, handlers: [handler], templates: [template] });
  onTestFinished(async () => void (await engine.stop({ graceSeconds: 0 })));
  await engine.start();
  return engine;
}

test('this.transaction goes through processResults and the output schema, with Drizzle on its client', async () => {
  const template = templateFor('Charge');
  const engine = await startWith(Charge, template);
  const taskId = await create(engine, template);
  expect(await engine.waitForTask(taskId)).toBe('complete');
  const [step] = await home.database.query('select results from tasker_workflow_steps where task_id = $1', [
    taskId,
  ]);
  expect([step, await payments(taskId)]).toEqual([{ results: { charged: 7 } }, ['drizzle']]);
});

test('many attempts of one handler at once each have their own transaction', async () => {
  const template = templateFor('Charge');
  const engine = await startWith(Charge, template);
  const { namespace_name, name } = template;
  const requests = Array.from({ length: 30 }, (_, n) => ({ namespace_name, name, context: { n } }));
  const tasks = await engine.createTasks(requests);
  await Promise.all(tasks.map(({ task_id }) => engine.waitForTask(task_id)));
  const paid = await Promise.all(tasks.map(({ task_id }) => payments(task_id)));
  expect(paid).toEqual(tasks.map(() => ['drizzle']));
});

test('what the work throws rolls back and fails the attempt; the retry writes once', async () => {
  const { engine, taskId } = await run(async ({ task, step, transaction }) => {
    return transaction(async (tx) => {
      await pay(tx, task.task_id, `attempt ${step.attempt}`);
      if (step.attempt === 1) throw new Error('card refused');
      return { paid: true };
    });
  }, noWait);
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(await payments(taskId)).toEqual(['attempt 2']);
});

test.each(['before its last statement', 'at the commit'])(
  'a connection that breaks %s leaves nothing behind',
  async (when) => {
    const { engine, taskId } = await run(
      ({ task, step, transaction }) =>
        transaction(async (tx) => {
          await pay(tx, task.task_id, `attempt ${step.attempt}`);
          if (step.attempt > 1) return { paid: true };
          const [row] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
          if (when === 'at the commit') await tx.query(BREAK_AT_COMMIT, [task.task_id]);
          else await home.database.query('select pg_terminate_backend($1)', [row?.pid]);
          return { paid: true };
        }),
      noWait,
    );
    expect(await engine.waitForTask(taskId)).toBe('complete');
    expect(await payments(taskId)).toEqual(['attempt 2']);
  },
);

test('results that cannot be stored roll the writes back', async () => {
  const { engine, taskId } = await run(({ task, transaction }) =>
    transaction(async (tx) => {
      await pay(tx, task.task_id);
      return { paid: Number.NaN };
    }),
  );
  expect(await engine.waitForTask(taskId)).toBe('error');
  expect(await payments(taskId)).toEqual([]);
});

test('when the step was taken away meanwhile everything rolls back', async () => {
  const [begun, taken] = [new Signal(), new Signal()];
  const { taskId, lines } = await run(async ({ task, transaction }) => {
    await transaction(async (tx) => {
      await pay(tx, task.task_id);
      begun.happen();
      await taken.happened;
      return { paid: true };
    });
  }, noWait);
  await begun.happened;
  await home.database.query('delete from treadle.claims where task_id = $1', [taskId]);
  taken.happen();
  await eventually(
    () => Promise.resolve(lines.filter((line) => line.includes('a late outcome was refused'))),
    (late) => late.length === 1,
  );
  expect(await payments(taskId)).toEqual([]);
  expect((await statesOfSteps(home.database, taskId))['pay']).not.toBe('complete');
});

test('a timeout ends the transaction, on the server too, and nothing of it stays', async () => {
  const { engine, taskId } = await run(
    ({ task, transaction }) =>
      transaction(async (tx) => {
        await pay(tx, task.task_id);
        await tx.query('select pg_sleep(600)');
        return { paid: true };
      }),
    { timeout_seconds: 0.2, default_retry_limit: 1 },
  );
  expect(await engine.waitForTask(taskId)).toBe('error');
  const sleeping = () =>
    home.database.query(
      `select from pg_stat_activity
       where datname = current_database() and application_name = 'treadle handlers' and state = 'active'`,
    );
  await eventually(sleeping, (rows) => rows.length === 0);
  expect(await payments(taskId)).toEqual([]);
});

test('after the commit the step is complete, whatever process throws or returns', async () => {
  const { engine, taskId, seen } = await run(async ({ task, transaction }) => {
    await transaction(async (tx) => {
      await pay(tx, task.task_id);
      return { paid: true };
    });
    throw new Error('the e-mail could not be sent');
  });
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect([await payments(taskId), seen]).toEqual([['paid'], [{ paid: true }]]);
});

test('a second transaction is refused after a commit, and may be tried after a rollback', async () => {
  const refusals: string[] = [];
  const tried = new Signal(); // the step is complete with its commit, before its handler ends
  const { engine, taskId } = await run(async ({ task, transaction }) => {
    const failing = transaction(async (tx) => tx.query('select 1 / 0'));
    await failing.catch(({ code }: { code: string }) => refusals.push(code));
    await transaction(async (tx) => pay(tx, task.task_id));
    await transaction(() => 1).catch(({ code }: { code: string }) => refusals.push(code));
    tried.happen();
  });
  expect(await engine.waitForTask(taskId)).toBe('complete');
  await tried.happened;
  expect([refusals, await payments(taskId)]).toEqual([['database_error', 'invalid_argument'], ['paid']]);
});

test('this.transaction outside of process is refused', async () => {
  class Eager extends Charge {
    outside = this.transaction(() => 1).catch((error: unknown) => error);
  }
  expect(() => new Eager()).toThrow(/inside process/);
});

test('handlers that hold all their connections do not hold the engine', async () => {
  const [begun, release] = [new Signal(), new Signal()];
  const template = templateOf({ hold: [], other: [] });
  const hold = ({ transaction }: StepContext) =>
    transaction(async () => {
      begun.happen();
      await release.happened;
      return 1;
    });
  const works = { hold, other: () => 'done' };
  const options = { database: home.database, templates: [template], works, handlerConnections: 1 };
  const engine = await startEngine(options);
  const ids = [await create(engine, template), await create(engine, template)];
  await begun.happened;
  const states = () => Promise.all(ids.map((id) => statesOfSteps(home.database, id)));
  await eventually(states, (all) => all.every(({ other }) => other === 'complete'));
  release.happen();
  expect(await Promise.all(ids.map((id) => engine.waitForTask(id)))).toEqual(['complete', 'complete']);
});

test('after a foreign connection completed the step the engine frees its slot', async () => {
  const [begun, aborted] = [new Signal(), new Signal()];
  let token: string | undefined = '';
  const { engine, taskId } = await run(({ step, signal }) => {
    token = step.claim_token;
    signal.addEventListener('abort', aborted.happen);
    begun.happen();
    return new Promise(() => {});
  });
  await begun.happened;
  await home.database.query(`select treadle.complete_step($1, '{"by": "psql"}')`, [token]);
  await aborted.happened;
  expect(await engine.waitForTask(taskId)).toBe('complete');
});

test('the audit trail of such a step is that of any other', async () => {
  const { engine, taskId } = await run(({ transaction }) => transaction(() => ({})));
  await engine.waitForTask(taskId);
  const [step] = await home.database.query<{ id: number }>(
    'select min(workflow_step_id) as id from tasker_workflow_steps where task_id = $1',
    [taskId],
  );
  const trail = await trailOf(home.database, 'workflow_step', step?.id ?? 0);
  expect(trail.map(({ to_state }) => to_state)).toEqual(['in_progress', 'complete']);
  expect(trail[1]?.metadata).toMatchObject({ event: 'complete', attempt_number: 1 });
  expect(await stateOfTask(home.database, taskId)).toBe('complete');
  expect(await violations(home.database)).toEqual([]);
});
