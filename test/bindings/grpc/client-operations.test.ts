// Operators over gRPC, and how far tokens reach: what lies outside of the namespaces of a token is not there for it.
import { describe, expect, test } from 'vitest';
import {
  CancelTaskRequest,
  ClientServiceService as Rpc,
  CreateTaskRequest,
  ListTasksRequest,
  PauseRequest,
  type PauseTarget,
  ResolveStepRequest,
  ResolveTaskRequest,
  ResumeRequest,
  RetryStepRequest,
  RetryTaskRequest,
  State,
} from '../../../proto/gen/treadle/v1/client.ts';
import { PermanentError } from '../../../core/errors.ts';
import { parseTemplate } from '../../../core/template/template.ts';
import { create, Signal, startEngine, untilAborted, type Works } from '../../support/engines.ts';
import { stepIdsOf, templateOf } from '../../support/factories.ts';
import { serveClients, TestClient, tokenOf } from '../../support/grpc-client.ts';
import { testDatabase } from '../../support/postgres.ts';
import { stateOfTask } from '../../support/trail.ts';

const home = testDatabase();
const operator = { by: 'ann', reason: 'wrong address' };

/** A task whose first step fails for good until it is mended. */
async function failedTask() {
  let broken = true;
  const pay = () => {
    if (broken) throw new PermanentError('declined');
    return 'paid';
  };
  const seen: unknown[] = [];
  const template = templateOf({ pay: [], ship: ['pay'] });
  const engine = await startEngine({
    database: home.database,
    templates: [template],
    works: { pay, ship: ({ sequence }) => void seen.push(sequence.result('pay')) },
  });
  const client = new TestClient(await serveClients({ engine, database: home.database }));
  const taskId = await create(engine, template);
  expect(await engine.waitForTask(taskId)).toBe('error');
  const { pay: payId = 0 } = await stepIdsOf(home.database, taskId);
  return { engine, client, taskId, payId, seen, mend: () => (broken = false) };
}

/** A task whose first step runs until it is told to stop. */
async function runningTask() {
  const [running, told] = [new Signal(), new Signal()];
  const print: Works[string] = async ({ signal }) => {
    running.happen();
    await untilAborted(signal).finally(told.happen);
  };
  const template = templateOf({ print: [], ship: ['print'] });
  const engine = await startEngine({
    database: home.database,
    templates: [template],
    works: { print, ship: print },
  });
  const client = new TestClient(await serveClients({ engine, database: home.database }));
  const taskId = await create(engine, template);
  await running.happened;
  return { client, taskId, told: told.happened };
}

describe('an operator', () => {
  test('cancels a task, and its running handler is told', async () => {
    const { client, taskId, told } = await runningTask();
    const request = CancelTaskRequest.fromPartial({ task_id: taskId, operator });
    expect(await client.ask(Rpc.cancelTask, request)).toEqual({ cancelled_steps: 2, running_steps: 1 });
    await told;
    expect(await metadataOf(taskId)).toMatchObject(operator);
  });

  test('cancels no task twice', async () => {
    const { client, taskId } = await runningTask();
    const request = CancelTaskRequest.fromPartial({ task_id: taskId });
    await client.ask(Rpc.cancelTask, request);
    const refusal = await client.refusal(Rpc.cancelTask, request);
    expect(refusal).toMatchObject({ status: 'FAILED_PRECONDITION', reason: 'UNLAWFUL_TRANSITION' });
  });

  test('retries a failed task', async () => {
    const { engine, client, taskId, mend } = await failedTask();
    mend();
    const answer = await client.ask(
      Rpc.retryTask,
      RetryTaskRequest.fromPartial({ task_id: taskId, operator }),
    );
    expect(answer.retried_steps).toBe(1);
    expect(answer.state).not.toBe(State.ERROR);
    expect(await engine.waitForTask(taskId)).toBe('complete');
  });

  test('retries a failed step', async () => {
    const { engine, client, taskId, payId, mend } = await failedTask();
    mend();
    const request = RetryStepRequest.fromPartial({ workflow_step_id: payId });
    expect((await client.ask(Rpc.retryStep, request)).state).toBe(State.PENDING);
    expect(await engine.waitForTask(taskId)).toBe('complete');
  });

  test('resolves a step with results that its children see', async () => {
    const { engine, client, taskId, payId, seen } = await failedTask();
    const request = { workflow_step_id: payId, results_json: '{"paid": "in cash"}', operator };
    const { task_state } = await client.ask(Rpc.resolveStep, ResolveStepRequest.fromPartial(request));
    expect(task_state).not.toBe(State.ERROR);
    expect(await engine.waitForTask(taskId)).toBe('complete');
    expect(seen).toEqual([{ paid: 'in cash' }]);
  });

  test('resolves a failed task', async () => {
    const { client, taskId } = await failedTask();
    await client.ask(Rpc.resolveTask, ResolveTaskRequest.fromPartial({ task_id: taskId }));
    expect(await stateOfTask(home.database, taskId)).toBe('resolved_manually');
  });

  test('pauses and resumes a handler, a namespace and a task', async () => {
    const { client, taskId } = await failedTask();
    const targets: NonNullable<PauseTarget['target']>[] = [
      { $case: 'handler', value: 'pay' },
      { $case: 'namespace_name', value: 'test' },
      { $case: 'task_id', value: taskId },
    ];
    for (const target of targets) {
      const request = { target: { target }, operator };
      expect(await client.ask(Rpc.pause, request)).toEqual({ done: true, steps: 0 });
      expect(await client.ask(Rpc.pause, request)).toMatchObject({ done: false });
      expect(await client.ask(Rpc.resume, request)).toEqual({ done: true, steps: 0, still_held: 0 });
      expect(await client.ask(Rpc.resume, request)).toMatchObject({ done: false });
    }
  });

  test('has to say what to pause, and which step', async () => {
    const { client } = await failedTask();
    const nothing = await client.refusal(Rpc.pause, PauseRequest.fromPartial({}));
    expect(nothing).toMatchObject({ status: 'INVALID_ARGUMENT', violations: { target: expect.any(String) } });
    const step = await client.refusal(
      Rpc.retryStep,
      RetryStepRequest.fromPartial({ workflow_step_id: 4711 }),
    );
    expect(step).toMatchObject({ status: 'NOT_FOUND', reason: 'UNKNOWN_STEP' });
  });
});

async function metadataOf(taskId: number): Promise<unknown> {
  const [row] = await home.database.query<{ metadata: unknown }>(
    'select metadata from public.tasker_task_transitions where task_id = $1 and most_recent',
    [taskId],
  );
  return row?.metadata;
}

describe('a token of some namespaces', () => {
  const mine = parseTemplate({ ...templateOf({ pay: [] }), namespace_name: 'shop_eu' });
  const theirs = parseTemplate({ ...templateOf({ pay: [] }), namespace_name: 'bank' });
  const tokens = [tokenOf('shop', ['shop_*']), tokenOf('all')];

  async function world() {
    const works = { pay: () => 'paid' };
    const engine = await startEngine({ database: home.database, templates: [mine, theirs], works });
    const address = await serveClients({ engine, database: home.database, tokens });
    const ids = { mine: await create(engine, mine), theirs: await create(engine, theirs) };
    await Promise.all(Object.values(ids).map((id) => engine.waitForTask(id)));
    const { pay: theirStep = 0 } = await stepIdsOf(home.database, ids.theirs);
    return { address, client: new TestClient(address, 'shop'), ids, theirStep };
  }

  test('finds no task of others, whatever it asks of it', async () => {
    const { client, ids, theirStep } = await world();
    const task = { task_id: ids.theirs, operator };
    const step = { workflow_step_id: theirStep, results_json: '', force: false, operator };
    const pause = { target: { target: { $case: 'task_id', value: ids.theirs } as const }, operator };
    const refusals = await Promise.all([
      client.refusal(Rpc.getTask, task),
      client.refusal(Rpc.cancelTask, task),
      client.refusal(Rpc.retryTask, task),
      client.refusal(Rpc.resolveTask, task),
      client.refusal(Rpc.runTask, task),
      client.refusal(Rpc.retryStep, step),
      client.refusal(Rpc.resolveStep, step),
      client.refusal(Rpc.pause, pause),
      client.refusal(Rpc.resume, pause),
    ]);
    expect(new Set(refusals.map(({ status }) => status))).toEqual(new Set(['NOT_FOUND']));
    const mineToo = await client.ask(Rpc.getTask, { task_id: ids.mine });
    expect(mineToo.task?.namespace_name).toBe('shop_eu');
  });

  test('is answered about a task of others as about none', async () => {
    const { client, ids } = await world();
    const hidden = await client.refusal(Rpc.getTask, { task_id: ids.theirs });
    const none = await client.refusal(Rpc.getTask, { task_id: 4711 });
    expect(JSON.stringify(hidden).replaceAll(String(ids.theirs), 'N')).toBe(
      JSON.stringify(none).replaceAll('4711', 'N'),
    );
  });

  test('lists what is its own', async () => {
    const { address, client, ids } = await world();
    const listed = await client.ask(Rpc.listTasks, ListTasksRequest.fromPartial({}));
    expect(new Set(listed.tasks.map(({ namespace_name }) => namespace_name))).toEqual(new Set(['shop_eu']));
    const others = await client.ask(Rpc.listTasks, ListTasksRequest.fromPartial({ namespace_name: 'bank' }));
    expect(others.tasks).toEqual([]);
    const { templates } = await client.ask(Rpc.listTemplates, {});
    expect(templates.map(({ name }) => name)).toEqual([mine.name]);
    const all = await new TestClient(address, 'all').ask(Rpc.listTasks, ListTasksRequest.fromPartial({}));
    expect(all.tasks.map(({ task_id }) => task_id)).toEqual(expect.arrayContaining([ids.mine, ids.theirs]));
  });

  test('creates and pauses nothing elsewhere', async () => {
    const { client } = await world();
    const task = { name: theirs.name, namespace_name: 'bank', context_json: '{"a": 1}' };
    const created = await client.refusal(Rpc.createTask, CreateTaskRequest.fromPartial({ task }));
    const elsewhere = [
      { $case: 'namespace_name', value: 'bank' },
      { $case: 'handler', value: 'pay' },
    ] as const;
    const paused = await Promise.all(
      elsewhere.map((target) => client.refusal(Rpc.pause, PauseRequest.fromPartial({ target: { target } }))),
    );
    const statuses = [created, ...paused].map(({ status }) => status);
    expect(statuses).toEqual(['PERMISSION_DENIED', 'PERMISSION_DENIED', 'PERMISSION_DENIED']);
    expect(
      await client.refusal(Rpc.getTemplate, { name: theirs.name, namespace_name: 'bank', version: '' }),
    ).toMatchObject({ status: 'NOT_FOUND' });
  });

  test('signs what it does with its name, and one that is not known does nothing', async () => {
    const { address, client } = await world();
    const namespace = { target: { target: { $case: 'namespace_name' as const, value: 'shop_eu' } } };
    await client.ask(Rpc.pause, PauseRequest.fromPartial(namespace));
    const [row] = await home.database.query<{ paused_by: string }>('select paused_by from treadle.pauses');
    await client.ask(Rpc.resume, ResumeRequest.fromPartial(namespace));
    expect(row?.paused_by).toBe('shop');
    const stranger = await new TestClient(address, 'stranger').refusal(Rpc.listTemplates, {});
    expect(stranger).toMatchObject({ status: 'UNAUTHENTICATED', reason: 'UNAUTHENTICATED' });
  });
});
