// Watching a task over gRPC: first as it is, then what changes, until it ends; whoever changes it, and whatever becomes of
// the client or the engine.
import { once } from 'node:events';
import { status, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { TaskWatches } from '../../../bindings/grpc/client/watch.ts';
import type { WatchTaskResponse } from '../../../proto/gen/treadle/v1/client.ts';
import { State } from '../../../proto/gen/treadle/v1/client.ts';
import type { Executor } from '../../../sql/database.ts';
import { create, eventually, newEngine, Signal, startEngine } from '../../support/engines.ts';
import { createdWorld, templateOf, writeAsRails } from '../../support/factories.ts';
import { cuttableWay, refusedBy, serveClients, TestClient } from '../../support/grpc-client.ts';
import { testDatabase } from '../../support/postgres.ts';
import { connectWorker } from '../../support/remote-workers.ts';

const home = testDatabase();
const NAMES = Object.fromEntries(Object.entries(State).map(([name, value]) => [value, name.toLowerCase()]));

/** What a client hears, in short: `task pending`, `pack complete`, `pack at 0.5`. */
function inShort({ message }: WatchTaskResponse): string {
  switch (message?.$case) {
    case 'task':
      return `task ${NAMES[message.value.state]}`;
    case 'step':
      return `${message.value.name} ${NAMES[message.value.state]}`;
    case 'progress':
      return `${message.value.name} at ${message.value.fraction}`;
    case undefined:
      return 'nothing';
  }
}

class Heard {
  readonly lines: string[] = [];
  readonly messages: WatchTaskResponse[] = [];
  /** Resolves with the last status. */
  readonly end: Promise<string>;
  readonly stream: ClientReadableStream<WatchTaskResponse>;

  constructor(stream: ClientReadableStream<WatchTaskResponse>) {
    this.stream = stream;
    stream.on('data', (message: WatchTaskResponse) => {
      this.messages.push(message);
      this.lines.push(inShort(message));
    });
    this.end = new Promise((resolve) => {
      stream.on('error', ({ code }: ServiceError) => resolve(status[code]));
      stream.on('end', () => resolve('OK'));
    });
  }

  /** Resolves when this was heard. */
  async hears(line: string): Promise<void> {
    while (!this.lines.includes(line)) await once(this.stream, 'data');
  }
}

async function watching(options: Parameters<typeof newEngine>[0], { running = true } = {}) {
  const engine = running ? await startEngine(options) : newEngine(options);
  const leaving = new AbortController();
  const { signal } = leaving;
  const client = new TestClient(await serveClients({ engine, database: home.database, leaving: signal }));
  const watch = (taskId: number): Heard => new Heard(client.watch(taskId));
  return { engine, client, watch, leave: () => leaving.abort() };
}

test('a client hears a task as it is, each step that changes, and the end with all steps', async () => {
  const template = templateOf({ pack: [], ship: ['pack'] });
  const [packing, shipping] = [new Signal(), new Signal()];
  const works = { pack: () => packing.happened, ship: () => shipping.happened };
  const { engine, watch } = await watching({ database: home.database, templates: [template], works });
  const heard = watch(await create(engine, template));
  await heard.hears('pack in_progress');
  packing.happen();
  await heard.hears('ship in_progress');
  shipping.happen();
  expect(await heard.end).toBe('OK');
  const steps = heard.lines.filter((line) => !line.startsWith('task'));
  expect(steps).toEqual(['pack in_progress', 'pack complete', 'ship in_progress', 'ship complete']);
  expect(heard.lines.at(-1)).toBe('task complete');
  const last = heard.messages.at(-1)?.message;
  expect(last?.$case === 'task' && last.value.steps.map(({ name }) => name)).toEqual(['pack', 'ship']);
});

test('a task that has ended is told once', async () => {
  const template = templateOf({ pack: [] });
  const { engine, watch } = await watching({
    database: home.database,
    templates: [template],
    works: { pack: () => 1 },
  });
  const taskId = await create(engine, template);
  await engine.waitForTask(taskId);
  const heard = watch(taskId);
  expect(await heard.end).toBe('OK');
  expect(heard.lines).toEqual(['task complete']);
});

test('what another engine does is heard as well', async () => {
  const template = templateOf({ pack: [], ship: ['pack'] });
  const packing = new Signal();
  const { engine, watch } = await watching(
    { database: home.database, templates: [template], works: {} },
    { running: false },
  );
  const works = { pack: () => packing.happened, ship: () => 'shipped' };
  await startEngine({ database: home.database, templates: [template], works });
  const heard = watch(await create(engine, template));
  await heard.hears('pack in_progress');
  packing.happen();
  expect(await heard.end).toBe('OK');
  expect(heard.lines).toEqual(expect.arrayContaining(['pack complete', 'ship complete', 'task complete']));
});

test('what a Rails app writes is heard as well', async () => {
  const { taskId, stepIds } = await createdWorld(home.database, { pack: [], ship: ['pack'] });
  const { watch } = await watching({ database: home.database, works: {} }, { running: false });
  const heard = watch(taskId);
  await heard.hears('task pending');
  await home.database.transaction((tx) =>
    writeAsRails(tx, 'workflow_step', stepIds['pack'] ?? 0, 'in_progress'),
  );
  await heard.hears('pack in_progress');
  await home.database.transaction((tx) => writeAsRails(tx, 'task', taskId, 'cancelled'));
  expect(await heard.end).toBe('OK');
  expect(heard.lines).toEqual(['task pending', 'pack in_progress', 'task cancelled']);
});

test('a task that does not exist, or no more, is not found', async () => {
  const { watch, client } = await watching({ database: home.database, works: {} }, { running: false });
  const [error] = (await once(client.watch(4711).resume(), 'error')) as [ServiceError];
  expect(refusedBy(error)).toMatchObject({ status: 'NOT_FOUND', reason: 'UNKNOWN_TASK' });
  const { taskId } = await createdWorld(home.database, { pack: [] });
  const heard = watch(taskId);
  await heard.hears('task pending');
  await home.database.query('select treadle.delete_tasks(array[$1::bigint])', [taskId]);
  expect(await heard.end).toBe('NOT_FOUND');
});

test('a client is sent to another engine when this one stops', async () => {
  const { taskId } = await createdWorld(home.database, { pack: [] });
  const { watch, leave } = await watching({ database: home.database, works: {} }, { running: false });
  const heard = watch(taskId);
  await heard.hears('task pending');
  leave();
  expect(await heard.end).toBe('UNAVAILABLE');
  expect(await watch(taskId).end).toBe('UNAVAILABLE');
});

test('how far a step is, as its worker says, is passed on', async () => {
  const template = templateOf({ pack: [] });
  const { engine, watch } = await watching({ database: home.database, templates: [template], works: {} });
  const packer = connectWorker(engine, { handlers: ['pack'] });
  const heard = watch(await create(engine, template));
  await heard.hears('pack in_progress');
  const { step } = await packer.assignment('pack');
  packer.worker.progress(step.claim_token, { fraction: 0.5, message: 'half of it' });
  await heard.hears('pack at 0.5');
  await packer.answer('pack');
  expect(await heard.end).toBe('OK');
  expect(heard.lines.at(-1)).toBe('task complete');
});

/** The watches of a service, and a count of the statements that they cost. */
async function watches() {
  const engine = newEngine({ database: home.database, works: {} });
  let statements = 0;
  const database: Executor = {
    query: (text, values) => {
      statements += 1;
      return home.database.query(text, values);
    },
  };
  const served = new TaskWatches({ engine, database, log: pino({ level: 'silent' }) });
  const { address, cut } = await cuttableWay(await serveClients({ engine, database, watches: served }));
  const client = new TestClient(address);
  const watch = (taskId: number): Heard => new Heard(client.watch(taskId));
  return { served, cut, watch, statements: () => statements };
}

const cancel = (taskId: number) =>
  home.database.transaction((tx) => writeAsRails(tx, 'task', taskId, 'cancelled'));

test('a client that leaves, or whose connection breaks, is forgotten', async () => {
  const { taskId } = await createdWorld(home.database, { pack: [] });
  const { served, cut, watch } = await watches();
  const both = [watch(taskId), watch(taskId)];
  await Promise.all(both.map((heard) => heard.hears('task pending')));
  expect(served.size).toBe(2);
  both[0]?.stream.cancel();
  const sizeOf = () => Promise.resolve(served.size);
  await eventually(sizeOf, (size) => size === 1);
  cut();
  await eventually(sizeOf, (size) => size === 0);
});

/** A task of sixty steps that have twelve megabytes of results. */
async function largeWorld() {
  const names = Array.from({ length: 60 }, (_, index) => `step_${index}`);
  const shape = Object.fromEntries(names.map((name) => [name, []]));
  const { taskId, stepIds } = await createdWorld(home.database, shape);
  await home.database.query(
    `update public.tasker_workflow_steps set results = jsonb_build_object('text', repeat('x', 200000)) where task_id = $1`,
    [taskId],
  );
  const moveAll = async (state: string): Promise<void> => {
    for (const id of Object.values(stepIds))
      await home.database.transaction((tx) => writeAsRails(tx, 'workflow_step', id, state));
  };
  return { names, taskId, moveAll };
}

test('a client that does not read is told only where things stand once it reads', async () => {
  const { names, taskId, moveAll } = await largeWorld();
  const { watch, statements } = await watches();
  const heard = watch(taskId);
  heard.stream.pause();
  await eventually(
    () => Promise.resolve(statements()),
    (count) => count > 2,
  );
  await moveAll('in_progress');
  await moveAll('complete');
  await cancel(taskId);
  heard.stream.resume();
  expect(await heard.end).toBe('OK');
  const passed = heard.lines.filter((line) => line.endsWith('in_progress'));
  expect(passed.length).toBeLessThan(30); // what lay on the way to it: its stream takes sixteen, we send a megabyte ahead
  expect(heard.lines).toEqual(expect.arrayContaining(names.map((name) => `${name} complete`)));
  expect(heard.lines.at(-1)).toBe('task cancelled');
});

test('a thousand clients watch, and what it costs does not depend on how many they are', async () => {
  const worlds = await Promise.all(
    Array.from({ length: 20 }, () => createdWorld(home.database, { pack: [] })),
  );
  const { watch, statements } = await watches();
  const heard = Array.from({ length: 1000 }, (_, index) => watch(worlds[index % 20]?.taskId ?? 0));
  await Promise.all(heard.map((one) => one.hears('task pending')));
  const before = statements();
  for (const { taskId } of worlds) await cancel(taskId);
  expect(new Set(await Promise.all(heard.map(({ end }) => end)))).toEqual(new Set(['OK']));
  expect(new Set(heard.map(({ lines }) => lines.join()))).toEqual(new Set(['task pending,task cancelled']));
  expect(statements() - before).toBeLessThan(30);
});
