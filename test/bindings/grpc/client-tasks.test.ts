// Making tasks, reading and running them over gRPC: a real engine, a real server, a real client.
import { status as grpcStatus } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import {
  ClientServiceService as Rpc,
  CreateTaskRequest,
  CreateTasksRequest,
  State,
  type TaskRequest,
} from '../../../proto/gen/treadle/v1/client.ts';
import { parseTemplate } from '../../../core/template/template.ts';
import type { QueueAdapter } from '../../../engine/queue/adapter.ts';
import { create, startEngine, type Works } from '../../support/engines.ts';
import { templateOf, uniqueName } from '../../support/factories.ts';
import { serveClients, TestClient } from '../../support/grpc-client.ts';
import { testDatabase } from '../../support/postgres.ts';
import { stateOfTask } from '../../support/trail.ts';

const home = testDatabase();
const works: Works = { pack: () => ({ parcels: 2 }), ship: () => 'shipped' };
const template = templateOf(
  { ship: ['pack'], pack: [] }, // the child first
  { steps: { pack: { skippable: true } } },
);
const named = { name: template.name, namespace_name: 'test', context_json: '{"order_id": 1}' };

/** `idle`: an engine that has no handler for the steps. */
async function clientOf({ idle = false } = {}) {
  const engine = await startEngine({
    database: home.database,
    templates: [template],
    works: idle ? {} : works,
  });
  const client = new TestClient(await serveClients({ engine, database: home.database }));
  return { engine, client };
}

const one = (task: Partial<TaskRequest>) => CreateTaskRequest.fromPartial({ task: { ...named, ...task } });

async function rowOf(taskId: number): Promise<Record<string, unknown> | undefined> {
  const [row] = await home.database.query<Record<string, unknown>>(
    'select * from public.tasker_tasks where task_id = $1',
    [taskId],
  );
  return row;
}

describe('a task that is created', () => {
  test('runs, and is what the request says', async () => {
    const { engine, client } = await clientOf();
    const asked = { initiator: 'ann', source_system: 'shop', reason: 'order', tags: ['vip'] };
    const { task } = await client.ask(Rpc.createTask, one(asked));
    expect(task).toEqual({ task_id: expect.any(Number), created: true });
    const taskId = task?.task_id ?? 0;
    expect(await engine.waitForTask(taskId)).toBe('complete');
    expect(await rowOf(taskId)).toMatchObject({ ...asked, context: { order_id: 1 } });
  });

  test('is read with its steps, parents before children, as text without loss', async () => {
    const { engine, client } = await clientOf();
    const { task: created } = await client.ask(Rpc.createTask, one({ context_json: '{"price": 1.10}' }));
    await engine.waitForTask(created?.task_id ?? 0);
    const { task } = await client.ask(Rpc.getTask, { task_id: created?.task_id ?? 0 });
    const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/) as string;
    expect(task).toMatchObject({ ...named, context_json: '{"price": 1.1}', state: State.COMPLETE });
    expect(task).toMatchObject({
      state_since: instant,
      created_at: instant,
      deadline_at: '',
      tags_json: '[]',
    });
    expect(task?.steps.map(({ name, depends_on_steps }) => [name, depends_on_steps])).toEqual([
      ['pack', []],
      ['ship', ['pack']],
    ]);
    expect(task?.steps[0]).toMatchObject({ results_json: '{"parcels": 2}', attempts: 1, explanation: '' });
  });

  test('waits for its time, does without bypassed steps and must end by its deadline', async () => {
    const { client } = await clientOf();
    const run_at = new Date(Date.now() + 3_600_000).toISOString();
    const { task: created } = await client.ask(
      Rpc.createTask,
      one({ run_at, bypass_steps: ['pack'], deadline_seconds: 60 }),
    );
    const { task } = await client.ask(Rpc.getTask, { task_id: created?.task_id ?? 0 });
    expect(task).toMatchObject({ state: State.PENDING });
    expect(task?.steps.map(({ state }) => state)).toEqual([State.RESOLVED_MANUALLY, State.PENDING]);
    expect(Date.parse(task?.deadline_at ?? '') - Date.parse(run_at)).toBe(60_000);
    expect(task?.steps[1]?.explanation).toContain('its task');
  });

  test('says of its open steps why they are where they are, of the most urgent first', async () => {
    const { engine } = await clientOf({ idle: true });
    const many = Array.from({ length: 150 }, (_, index): [string, string[]] => [`part_${index}`, []]);
    const wide = templateOf({ last: many.map(([name]) => name), ...Object.fromEntries(many) });
    await engine.registerTemplates([wide]);
    const client = new TestClient(await serveClients({ engine, database: home.database }));
    const { task } = await client.ask(Rpc.getTask, { task_id: await create(engine, wide) });
    expect(task?.steps.at(-1)?.explanation).toMatch(/^waits for part_0 \(pending\), part_1 /);
    const explained = task?.steps.filter(({ explanation }) => explanation.startsWith('ready'));
    expect(explained?.map(({ name }) => name)).toEqual(many.slice(0, 100).map(([name]) => name));
  });

  test('is found again by its key', async () => {
    const { client } = await clientOf();
    const identity_key = uniqueName('key');
    const first = await client.ask(Rpc.createTask, one({ identity_key }));
    const second = await client.ask(Rpc.createTask, one({ identity_key }));
    expect(second.task).toEqual({ task_id: first.task?.task_id, created: false });
  });

  test.each([
    ['a valid context', { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'v=1' }, 2],
    ['one of a later version', { traceparent: `01-${'a'.repeat(32)}-${'b'.repeat(16)}-01-more` }, 1],
    ['no trace id', { traceparent: `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'v=1' }, 0],
    ['a tracestate alone', { tracestate: 'v=1' }, 0],
    [
      'a tracestate without form',
      { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'v' },
      1,
    ],
  ])('keeps its trace context in its tags: %s', async (_what, trace_context, kept) => {
    const { client } = await clientOf({ idle: true });
    const { task } = await client.ask(Rpc.createTask, one({ tags: ['vip'], trace_context }));
    const expected = Object.entries(trace_context).map(([key, value]) => `${key}:${value}`);
    expect((await rowOf(task?.task_id ?? 0))?.['tags']).toEqual(['vip', ...expected.slice(0, kept)]);
  });
});

describe('many tasks', () => {
  test('are created together, in the order of the request', async () => {
    const { client } = await clientOf({ idle: true });
    const keys = [uniqueName('a'), uniqueName('b'), uniqueName('a')];
    const asked = keys.map((identity_key) => ({ ...named, identity_key }));
    const { tasks } = await client.ask(Rpc.createTasks, CreateTasksRequest.fromPartial({ tasks: asked }));
    const hashes = await Promise.all(
      tasks.map(async ({ task_id }) => (await rowOf(task_id))?.['identity_hash']),
    );
    expect(hashes).toEqual(keys);
  });

  test('are not created when one of them is wrong', async () => {
    const { client } = await clientOf({ idle: true });
    const identity_key = uniqueName('key');
    const tasks = [
      { ...named, identity_key },
      { ...named, context_json: '{}' },
    ];
    const refusal = await client.refusal(Rpc.createTasks, CreateTasksRequest.fromPartial({ tasks }));
    expect(refusal).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_CONTEXT' });
    const again = await client.ask(Rpc.createTask, one({ identity_key }));
    expect(again.task?.created).toBe(true);
  });

  test('beyond ten thousand are refused at once', async () => {
    const { client } = await clientOf({ idle: true });
    const tasks = Array.from({ length: 10_001 }, () => named);
    const refusal = await client.refusal(Rpc.createTasks, CreateTasksRequest.fromPartial({ tasks }));
    expect(refusal.violations).toEqual({ tasks: 'expected at most 10000 tasks, came a list of 10001' });
  });
});

describe('what is wrong with a request', () => {
  const strict = parseTemplate({
    ...templateOf({ pack: [] }),
    schema: { type: 'object', required: ['order_id'], properties: { order_id: { type: 'integer' } } },
  });

  test.each([
    ['name', { name: '' }],
    ['context_json', { context_json: '{"a": ' }],
    ['context_json', { context_json: '{"id": 9007199254740993}' }],
    ['context_json', { context_json: '{"text": "\\u0000"}' }],
    ['context_json', { context_json: `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}` }],
    ['initiator', { initiator: 'a'.repeat(129) }],
    ['reason', { reason: 'a\0b' }],
    ['run_at', { run_at: 'tomorrow' }],
    ['deadline_seconds', { deadline_seconds: Number.NaN }],
    ['identity_key', { identity_key: 'a'.repeat(129) }],
    ['tags[1]', { tags: ['good', ''] }],
  ])('is said of the field %s: %o', async (field, wrong) => {
    const { client } = await clientOf({ idle: true });
    const refusal = await client.refusal(Rpc.createTask, one(wrong));
    expect(refusal).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_ARGUMENT' });
    expect(Object.keys(refusal.violations)).toEqual([`task.${field}`]);
  });

  test('is said of each place of a context that does not fit the template', async () => {
    const engine = await startEngine({ database: home.database, templates: [strict], works });
    const client = new TestClient(await serveClients({ engine, database: home.database }));
    const asked = one({ name: strict.name, context_json: '{"order_id": "one"}' });
    const refusal = await client.refusal(Rpc.createTask, asked);
    expect(refusal).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_CONTEXT' });
    expect(refusal.violations).toHaveProperty(['context.order_id']);
  });

  test.each([
    ['a template that nobody has registered', one({ name: 'nobody' }), 'UNKNOWN_TEMPLATE', 'NOT_FOUND'],
    [
      'a bypass of a step that is not skippable',
      one({ bypass_steps: ['ship'] }),
      'INVALID_ARGUMENT',
      'INVALID_ARGUMENT',
    ],
    ['no task at all', CreateTaskRequest.fromPartial({}), 'INVALID_ARGUMENT', 'INVALID_ARGUMENT'],
  ])('is answered with its code: %s', async (_what, request, reason, status) => {
    const { client } = await clientOf({ idle: true });
    expect(await client.refusal(Rpc.createTask, request)).toMatchObject({ reason, status });
  });

  test.each([
    ['no message at all', Buffer.from('ffffffff', 'hex')],
    ['a number that no double holds', Buffer.from('08ffffffffffffffff7f', 'hex')],
  ])('is said of bytes that are %s', async (_what, bytes) => {
    const { client } = await clientOf({ idle: true });
    const raw = { ...Rpc.getTask, requestSerialize: () => bytes };
    expect((await client.refusal(raw, { task_id: 1 })).status).toBe('INVALID_ARGUMENT');
  });

  test('a task that does not exist is not found', async () => {
    const { client } = await clientOf({ idle: true });
    expect(await client.refusal(Rpc.getTask, { task_id: 4711 })).toMatchObject({
      status: 'NOT_FOUND',
      reason: 'UNKNOWN_TASK',
      metadata: { task_id: '4711' },
    });
  });
});

/** A queue whose jobs somebody else carries out: it keeps none. */
const elsewhere: QueueAdapter = {
  name: 'elsewhere',
  durable: true,
  install: async () => {},
  enqueue: async () => {},
  start: async () => {},
  stop: async () => {},
  health: async () => ({ ok: true, message: 'it is elsewhere' }),
};

test('a task that a queue brings is run, as often as it likes', async () => {
  const queue = elsewhere;
  const engine = await startEngine({ database: home.database, templates: [template], works, queue });
  const client = new TestClient(await serveClients({ engine, database: home.database }));
  const taskId = await create(engine, template);
  expect(await stateOfTask(home.database, taskId)).toBe('pending');
  const { state } = await client.ask(Rpc.runTask, { task_id: taskId });
  expect([State.IN_PROGRESS, State.COMPLETE]).toContain(state);
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(await client.ask(Rpc.runTask, { task_id: taskId })).toEqual({ state: State.COMPLETE });
  expect(await client.refusal(Rpc.runTask, { task_id: 4711 })).toMatchObject({ reason: 'UNKNOWN_TASK' });
});

test('an engine that has stopped sends a queue to another one, and keeps nothing of its task', async () => {
  const queue = elsewhere;
  const engine = await startEngine({ database: home.database, templates: [template], works, queue });
  const client = new TestClient(await serveClients({ engine, database: home.database }));
  const taskId = await create(engine, template);
  await engine.stop();
  const refused = client.ask(Rpc.runTask, { task_id: taskId });
  await expect(refused).rejects.toMatchObject({ code: grpcStatus.UNAVAILABLE });
  expect(await stateOfTask(home.database, taskId)).toBe('pending');
});
