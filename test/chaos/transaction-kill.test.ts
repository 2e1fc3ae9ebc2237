// A process is killed at every boundary between the statements of a handler's transaction: either its writes and the
// completion of its step both happened, or neither did; and whoever takes the step over leaves exactly one effect.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createTasks, registerTemplate } from '../../sql/tasks.ts';
import { startEngine, type Work } from '../support/engines.ts';
import { stepIdsOf, templateOf, uniqueName } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { statesOfSteps, statesThrough } from '../support/trail.ts';

const home = testDatabase();

const STATEMENTS = ['begin', 'the write', 'complete_step', 'commit'];

const boundaries = STATEMENTS.flatMap((name, index) =>
  (['before', 'sent', 'answered'] as const)
    .filter((moment) => moment !== 'answered' || name === 'commit') // else it is the one before the next statement
    .map((moment) => ({ name, statement: index + 1, moment, handler: uniqueName('pay') })),
);
type Boundary = (typeof boundaries)[number];

/** What the killed process did, before anybody else looks after its step. */
interface Remains extends Boundary {
  readonly taskId: number;
  readonly state: string | undefined;
  readonly effects: readonly number[];
}

const pay: Work = ({ task, step, transaction }) =>
  transaction(async (tx) => {
    await tx.query('insert into effects (task_id, attempt) values ($1, $2)', [task.task_id, step.attempt]);
    return { paid: true };
  });

async function effectsOf(taskId: number): Promise<number[]> {
  const rows = await home.database.query<{ attempt: number }>(
    'select attempt from effects where task_id = $1 order by attempt',
    [taskId],
  );
  return rows.map(({ attempt }) => attempt);
}

async function killedAt(boundary: Boundary): Promise<Remains> {
  const { handler, statement, moment } = boundary;
  const template = templateOf(
    { pay: [] },
    { each: { handler_class: handler, backoff: { base_seconds: 0 } } },
  );
  const named = await registerTemplate(home.database, template, template);
  const request = { identity_hash: uniqueName('identity'), context: { order_id: 1 } };
  const [created] = await createTasks(home.database, named, [request], { enqueued: false });
  const taskId = created?.task_id ?? 0;
  const script = join(import.meta.dirname, '..', 'support', 'transaction-process.ts');
  const given = [home.url, JSON.stringify(template), handler, String(statement), moment];
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...given], { stdio: 'inherit' });
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  await backendsGone();
  const { pay: state } = await statesOfSteps(home.database, taskId);
  return { ...boundary, taskId, state, effects: await effectsOf(taskId) };
}

/** What the server has received it still carries out, also for a client that is dead. */
async function backendsGone(): Promise<void> {
  for (let busy = 1; busy > 0;) {
    const [row] = await home.database.query<{ busy: number }>(
      `select count(*)::integer as busy
       from pg_stat_activity
       where datname = current_database() and application_name = 'treadle handlers'`,
    );
    busy = row?.busy ?? 0;
  }
}

test('killed anywhere, the writes and the step are both done or both not, and end up done once', async () => {
  await home.database.query('create table effects (task_id bigint not null, attempt integer not null)');
  const remains: Remains[] = [];
  for (let first = 0; first < boundaries.length; first += 3) {
    remains.push(...(await Promise.all(boundaries.slice(first, first + 3).map(killedAt))));
  }

  const halves = remains.filter(({ state, effects }) => (effects.length === 1) !== (state === 'complete'));
  expect(halves).toEqual([]);
  const done = remains.filter(({ state }) => state === 'complete');
  expect(done.map(({ name, moment }) => `${moment} ${name}`)).toContain('answered commit');
  expect(done.filter(({ name }) => name !== 'commit')).toEqual([]);

  const works = Object.fromEntries(boundaries.map(({ handler }) => [handler, pay]));
  const survivor = await startEngine({ database: home.database, works, leaseSeconds: 1 });
  const states = await Promise.all(remains.map(({ taskId }) => survivor.waitForTask(taskId)));
  expect(new Set(states)).toEqual(new Set(['complete']));
  for (const { taskId, effects } of remains) {
    expect(await effectsOf(taskId)).toEqual(effects.length === 1 ? effects : [2]);
    const trail = await statesThrough(
      home.database,
      'workflow_step',
      (await stepIdsOf(home.database, taskId))['pay'] ?? 0,
    );
    expect(trail.filter((state) => state === 'complete')).toHaveLength(1);
  }
  expect(await violations(home.database)).toEqual([]);
});
