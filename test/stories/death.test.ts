// Processes die, freeze and come back: their steps run elsewhere at once, nothing of the dead counts, and nobody is declared
// dead without need.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Engine } from '../../engine/engine.ts';
import { connect } from '../../sql/server/connection.ts';
import { newProject } from '../support/clusters.ts';
import { create, eventually, runToEnd, Signal, startEngine } from '../support/engines.ts';
import { stepIdsOf, templateOf } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { statesThrough, stepColumns, trailOf } from '../support/trail.ts';
import { startWorker } from '../support/workers.ts';

const home = testDatabase();
const AN_HOUR = 3600;

async function onlyStep(taskId: number): Promise<number> {
  const [id] = Object.values(await stepIdsOf(home.database, taskId));
  if (id === undefined) throw new Error(`task ${taskId} has no step`);
  return id;
}

/** A worker process that is busy with a step which it will not end, and an engine here that could run it as well. */
async function heldThere(leaseSeconds: number) {
  const template = templateOf({ held: [] }, { each: { handler_class: 'stuckOnce' } });
  const alone = templateOf({ alone: [] }, { each: { handler_class: 'brief' } }); // nobody else serves it
  const there = await startWorker({ url: home.url, templates: [template, alone], leaseSeconds });
  const works = { stuckOnce: () => 'done here' };
  const options = { database: home.database, templates: [template], works, leaseSeconds };
  const begun = there.begins('held', 1);
  const creator = await startEngine({ ...options, works: {} });
  const taskId = await create(creator, template);
  await begun;
  return { there, here: await startEngine(options), taskId, alone };
}

test('the step of a killed process runs elsewhere long before its lease ends', async () => {
  const { there, here, taskId } = await heldThere(AN_HOUR);
  there.kill('SIGKILL');
  expect(await here.waitForTask(taskId)).toBe('complete');
  const step = await onlyStep(taskId);
  const states = await statesThrough(home.database, 'workflow_step', step);
  expect(states).toEqual(['in_progress', 'error', 'pending', 'in_progress', 'complete']);
  expect((await trailOf(home.database, 'workflow_step', step))[1]?.metadata).toMatchObject({
    code: 'worker_lost',
    attempt_number: 1,
  });
});

test('a step that kills every process that runs it ends as failed, and a survivor says so', async () => {
  const shape = { each: { handler_class: 'deadly', default_retry_limit: 2 } };
  const template = templateOf({ bomb: [] }, shape);
  const orders = { url: home.url, templates: [template], leaseSeconds: AN_HOUR };
  const victims = [await startWorker(orders), await startWorker(orders)];
  const survivor = await startEngine({ database: home.database, templates: [template], works: {} });
  const [lost, failed] = [[] as unknown[], new Signal()];
  survivor.on('step.failed', ({ code, attempt }) => void lost.push([code, attempt]));
  survivor.on('task.failed', failed.happen);
  const taskId = await create(survivor, template);
  await Promise.all(victims.map(({ exited }) => exited));
  expect(await survivor.waitForTask(taskId)).toBe('error');
  await failed.happened;
  expect(await stepColumns(home.database, await onlyStep(taskId))).toMatchObject({ attempts: 2 });
  expect(lost.at(-1)).toEqual(['worker_lost', 2]); // the first may have been seen by the second victim
});

test('a process that was frozen past its lease finds itself fenced, drops its work and goes on', async () => {
  const { there, here, taskId, alone } = await heldThere(1);
  there.kill('SIGSTOP');
  expect(await here.waitForTask(taskId)).toBe('complete');
  there.kill('SIGCONT');
  const back = await there.says(({ msg }) => msg?.includes('declared dead') === true);
  expect(back).toMatchObject({ epoch: 2 });
  expect(await stepColumns(home.database, await onlyStep(taskId))).toMatchObject({
    attempts: 2,
    results: 'done here',
  });
  expect(await runToEnd(here, alone)).toMatchObject({ state: 'complete' });
  expect(there.messages(/declared dead/)).toHaveLength(1);
});

test('an engine whose connection breaks and comes back is not taken for dead', async () => {
  const template = templateOf({ held: [] });
  const [running, release] = [new Signal(), new Signal()];
  const held = () => {
    running.happen();
    return release.happened;
  };
  const options = { database: home.database, templates: [template], leaseSeconds: AN_HOUR };
  const here = await startEngine({ ...options, works: { held } });
  const taskId = await create(here, template);
  await running.happened;
  await startEngine({ ...options, works: {} }); // it watches
  for (let cut = 0; cut < 5; cut += 1) await cutListenerOf(here);
  release.happen();
  expect(await here.waitForTask(taskId)).toBe('complete');
  expect(await stepColumns(home.database, await onlyStep(taskId))).toMatchObject({ attempts: 1 });
});

/** Ends the session that shows that this engine lives. Resolves when another one shows it. */
async function cutListenerOf(engine: Engine): Promise<void> {
  const holder = () =>
    home.database.query<{ pid: number }>(
      `select l.pid from pg_locks l
       where l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and l.classid = 1953653857 and l.objid = $1`,
      [engine.stats().worker_id],
    );
  const [before] = await holder();
  await home.database.query('select pg_terminate_backend($1)', [before?.pid]);
  await eventually(holder, ([now]) => now !== undefined && now.pid !== before?.pid);
}

test('a task whose job died in the hands of a killed process starts elsewhere in seconds', async () => {
  const template = templateOf({ only: [] }, { each: { handler_class: 'brief' } });
  const there = await startWorker({ url: home.url, templates: [template], leaseSeconds: AN_HOUR });
  const creator = new Engine({ database: home.database }); // it only creates
  const release = await noTaskStarts();
  const taskId = await create(creator, template);
  await eventually(heldJobs, (jobs) => jobs.length > 0);
  const here = await startEngine({
    database: home.database,
    templates: [template],
    works: { brief: () => 1 },
  });
  there.kill('SIGKILL');
  await there.exited;
  const killedAt = performance.now();
  await release();
  expect(await here.waitForTask(taskId)).toBe('complete');
  expect(performance.now() - killedAt).toBeLessThan(12_000); // else: half a minute
});

const heldJobs = () => home.database.query('select from graphile_worker.jobs where locked_by is not null');

/** Tasks that are about to start wait. What is returned ends the sessions in which they do, and lets others start. */
async function noTaskStarts(): Promise<() => Promise<void>> {
  const client = await connect(home.url, 'no task starts');
  onTestFinished(() => client.end());
  await client.query('begin; lock table public.tasker_task_transitions in share mode');
  return async () => {
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    await client.query('rollback');
  };
}

test('three processes, one of them killed on the way: no attempt of any step runs twice', async () => {
  const shape = { top: [], left: ['top'], right: ['top'], bottom: ['left', 'right'] };
  const template = templateOf(shape, { each: { handler_class: 'brief' } });
  const journal = join(newProject(), 'journal');
  const orders = {
    url: home.url,
    templates: [template],
    leaseSeconds: AN_HOUR,
    concurrency: 5,
    briefMs: 20,
    journal,
  };
  const victim = await startWorker(orders);
  await Promise.all([startWorker(orders), startWorker(orders)]);
  const observer = await startEngine({ database: home.database, templates: [template], works: {} });
  const { namespace_name, name } = template;
  const requests = Array.from({ length: 60 }, (_, n) => ({ namespace_name, name, context: { n } }));
  const tasks = await observer.createTasks(requests);
  await victim.begins('bottom');
  victim.kill('SIGKILL');
  const states = await Promise.all(tasks.map(({ task_id }) => observer.waitForTask(task_id)));
  const runs = readFileSync(journal, 'utf8').trim().split('\n');
  expect(new Set(states)).toEqual(new Set(['complete']));
  expect(runs.length).toBeGreaterThanOrEqual(240);
  expect(new Set(runs).size).toBe(runs.length);
});

test('after all of the above every row keeps the rules of the Rails engine', async () => {
  expect(await violations(home.database)).toEqual([]);
});
