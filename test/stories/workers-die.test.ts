// Worker processes in Python and Ruby, and the engines that they are connected to, die, freeze and leave: what they held runs
// elsewhere at once, everything completes once, and no attempt is counted that was not made.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pathOf } from '../parity/contract-rows.ts';
import { ForeignWorker, foreignLanguages } from '../parity/foreign-workers.ts';
import { newProject } from '../support/clusters.ts';
import { create, Signal } from '../support/engines.ts';
import { stepIdsOf, templateOf, type Shape } from '../support/factories.ts';
import { serve, type ServeOptions } from '../support/grpc-servers.ts';
import type { EngineOrders } from '../support/grpc-engine-process.ts';
import { violations } from '../support/invariants.ts';
import { LogBook } from '../support/logs.ts';
import { testDatabase } from '../support/postgres.ts';
import { stepColumns, trailOf } from '../support/trail.ts';

const home = testDatabase();
const AN_HOUR = 3600;
const LOST_ONCE = ['in_progress', 'error:worker_lost', 'pending', 'in_progress', 'complete'];
const languages = await foreignLanguages();

function storyOf(shape: Shape) {
  const backoff = { base_seconds: 0, factor: 1, max_seconds: 0, jitter: 0 };
  return templateOf(shape, { each: { handler_class: 'StoryHandler', backoff } });
}

/** An engine here whose lease outlives the test: what happens in it does not happen because a lease ended. */
async function serveHere(template: ReturnType<typeof storyOf>, grpc: ServeOptions['grpc'] = {}) {
  const book = new LogBook();
  const engine = { leaseSeconds: AN_HOUR, log: book.log };
  const given = { database: home.database, templates: [template], engine, grpc: { log: book.log, ...grpc } };
  return { ...(await serve(given)), book };
}

async function path(taskId: number): Promise<string[]> {
  const [stepId = 0] = Object.values(await stepIdsOf(home.database, taskId));
  return pathOf(await trailOf(home.database, 'workflow_step', stepId));
}

async function resultsOf(taskId: number): Promise<unknown> {
  const [stepId = 0] = Object.values(await stepIdsOf(home.database, taskId));
  return (await stepColumns(home.database, stepId)).results;
}

/** A file that is not there until it is written. */
const newGate = () => join(newProject(), 'gate');

test.skipIf(languages.length === 0)('workers in other languages can be had', () => {
  expect(languages).not.toEqual([]);
});

describe.each(languages)('workers in $language', (language) => {
  /** A worker that holds the only step of a task, and another one that has nothing to do. */
  async function heldThere(grpc: ServeOptions['grpc'] = {}) {
    const template = storyOf({ held: [] });
    const { address, engine, book } = await serveHere(template, grpc);
    const there = new ForeignWorker(language, { name: 'there', targets: [address], gate: newGate() });
    const taskId = await create(engine, template);
    await there.begins(1);
    const here = new ForeignWorker(language, { name: 'here', targets: [address] });
    await book.says(/a worker has connected/, 2);
    return { there, here, engine, book, taskId };
  }

  test('the step of a killed worker runs on another one at once', async () => {
    const { there, engine, taskId } = await heldThere();
    there.kill('SIGKILL');
    expect(await engine.waitForTask(taskId)).toBe('complete');
    expect(await path(taskId)).toEqual(LOST_ONCE);
    expect(await resultsOf(taskId)).toEqual({ by: 'here' });
  });

  test('a frozen worker is cut off by its heartbeat, and comes back with nothing to say', async () => {
    const { there, engine, book, taskId } = await heldThere({
      heartbeat: { intervalMs: 100, timeoutMs: 1500 },
    });
    there.kill('SIGSTOP');
    expect(await engine.waitForTask(taskId)).toBe('complete');
    expect(await path(taskId)).toEqual(LOST_ONCE);
    there.kill('SIGCONT');
    await book.says(/a worker has connected/, 3);
    expect(await resultsOf(taskId)).toEqual({ by: 'here' });
    expect(there.began).toHaveLength(1);
  });

  test('a worker that is told to end finishes what it holds, and no attempt of the rest is counted', async () => {
    const template = storyOf({ a: [], b: [], c: [], d: [], e: [], f: [] });
    const { address, engine } = await serveHere(template);
    const gate = newGate();
    const leaving = new ForeignWorker(language, {
      name: 'leaving',
      targets: [address],
      concurrency: 2,
      gate,
    });
    const taskId = await create(engine, template);
    await leaving.begins(2);
    leaving.kill('SIGTERM');
    await leaving.says(/SIGTERM: stopping|a signal came/);
    writeFileSync(gate, '');
    expect(await leaving.exited).toBe(0);
    const next = new ForeignWorker(language, { name: 'next', targets: [address] });
    expect(await engine.waitForTask(taskId)).toBe('complete');
    const began = [...leaving.began, ...next.began].toSorted();
    expect(began).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].map((step) => `${taskId}/${step}/1`));
    expect(await attemptsOf([taskId])).toEqual({ attempts: 6, failures: 0, completions: 6, steps: 6 });
  });

  test('when an engine is killed its workers go on at another one, and nothing completes twice', async () => {
    const template = storyOf({ first: [], second: ['first'], third: ['second'] });
    const dying = await startEngineProcess({ url: home.url, templates: [template] });
    const { address, engine } = await serveHere(template);
    const halfway = new Signal();
    const worker = new ForeignWorker(language, {
      name: 'w',
      targets: [dying.address, address],
      concurrency: 8,
    });
    engine.on('step.completed', halfway.happen);
    const taskIds = await Promise.all(Array.from({ length: 40 }, () => create(engine, template)));
    await worker.begins(30);
    dying.kill();
    await halfway.happened; // it has come to the other engine
    for (const taskId of taskIds) expect(await engine.waitForTask(taskId)).toBe('complete');
    const { attempts, failures, completions, steps } = await attemptsOf(taskIds);
    expect({ completions, steps, attempts }).toEqual({
      completions: 120,
      steps: 120,
      attempts: 120 + failures,
    });
    expect(worker.began.length).toBeLessThanOrEqual(attempts);
    expect(new Set(worker.began).size).toBe(worker.began.length); // no attempt was given out twice
    expect(await violations(home.database)).toEqual([]);
  });
});

/** What the audit trail says of all steps of these tasks; every failure of them must be a lost worker. */
async function attemptsOf(taskIds: readonly number[]) {
  const [row] = await home.database.query<Record<'attempts' | 'failures' | 'completions' | 'steps', number>>(
    `select sum(s.attempts)::int as attempts, sum(t.failures)::int as failures, sum(t.completions)::int as completions,
       count(*)::int as steps
     from public.tasker_workflow_steps s
     cross join lateral (
       select count(*) filter (where to_state = 'error' and metadata ->> 'code' = 'worker_lost') as failures,
         count(*) filter (where to_state = 'complete') as completions
       from public.tasker_workflow_step_transitions
       where workflow_step_id = s.workflow_step_id
     ) t
     where s.task_id = any ($1)`,
    [taskIds],
  );
  return row ?? { attempts: 0, failures: 0, completions: 0, steps: 0 };
}

async function startEngineProcess(orders: EngineOrders): Promise<{ address: string; kill: () => void }> {
  const script = join(import.meta.dirname, '..', 'support', 'grpc-engine-process.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(orders)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [address] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { address, kill: () => void child.kill('SIGKILL') };
}
