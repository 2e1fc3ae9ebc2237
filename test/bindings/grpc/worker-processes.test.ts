// Worker processes die and freeze: what they held runs elsewhere, and what they say afterwards counts for nothing.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { create } from '../../support/engines.ts';
import { stepIdsOf, templateOf, uniqueName } from '../../support/factories.ts';
import { serve, type ServeOptions } from '../../support/grpc-servers.ts';
import type { HolderOrders } from '../../support/grpc-worker-process.ts';
import { LogBook } from '../../support/logs.ts';
import { testDatabase } from '../../support/postgres.ts';
import { statesThrough, stepColumns, trailOf } from '../../support/trail.ts';

const home = testDatabase();
const SCRIPT = join(import.meta.dirname, '..', '..', 'support', 'grpc-worker-process.ts');
const LOST = ['in_progress', 'error', 'pending', 'in_progress', 'complete'];

function startHolder(orders: HolderOrders): { child: ChildProcess; lines: Interface } {
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, JSON.stringify(orders)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    if (child.kill('SIGKILL')) await once(child, 'exit');
  });
  return { child, lines: createInterface(child.stdout) };
}

/** A process that holds the only step of a task. */
async function heldThere(grpc: ServeOptions['grpc'] = {}) {
  const handler = uniqueName('Held');
  const template = templateOf({ only: [] }, { each: { handler_class: handler } });
  const served = await serve({ database: home.database, templates: [template], grpc });
  const holder = startHolder({ address: served.address, handlers: [handler], credits: 1, heartbeatMs: 50 });
  const holds = once(holder.lines, 'line');
  const taskId = await create(served.engine, template);
  expect(await holds).toEqual(['only/1']);
  const stepId = (await stepIdsOf(home.database, taskId))['only'] ?? 0;
  return { ...served, ...holder, handler, taskId, stepId };
}

test('the step of a killed process runs on another worker at once, one attempt counted', async () => {
  const { startWorker, handler, engine, child, taskId, stepId } = await heldThere();
  const other = await startWorker([handler]);
  other.work(() => '"done elsewhere"');
  child.kill('SIGKILL');
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(await statesThrough(home.database, 'workflow_step', stepId)).toEqual(LOST);
  expect(await stepColumns(home.database, stepId)).toMatchObject({ attempts: 2, results: 'done elsewhere' });
  const [, lost] = await trailOf(home.database, 'workflow_step', stepId);
  expect(lost?.metadata).toMatchObject({ code: 'worker_lost' });
});

test('a frozen process is cut off, and finds its stream ended when it comes back', async () => {
  const heartbeat = { intervalMs: 50, timeoutMs: 1_000 };
  const { startWorker, handler, engine, child, lines, taskId, stepId } = await heldThere({ heartbeat });
  child.kill('SIGSTOP');
  await new Promise<void>((resolve) => void engine.on('step.failed', () => resolve()));
  const other = await startWorker([handler]);
  other.work(() => '"done elsewhere"');
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(await statesThrough(home.database, 'workflow_step', stepId)).toEqual(LOST);
  const lastWord = once(lines, 'line');
  child.kill('SIGCONT');
  expect(await lastWord).toEqual(['DEADLINE_EXCEEDED']);
});

test('a process that holds nothing is forgotten without a trace when it is killed', async () => {
  const handler = uniqueName('Idle');
  const template = templateOf({ only: [] }, { each: { handler_class: handler } });
  const book = new LogBook();
  const given = { database: home.database, templates: [template], engine: { log: book.log } };
  const { address, engine, startWorker } = await serve(given);
  const { child } = startHolder({ address, handlers: [handler], credits: 1, heartbeatMs: 50 });
  await book.says(/a worker has connected/);
  child.kill('SIGKILL');
  await book.says(/a worker has gone: its stream broke/);
  const other = await startWorker([handler]);
  other.work();
  const taskId = await create(engine, template);
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(other.assignments).toMatchObject([{ attempt: 1 }]);
});
