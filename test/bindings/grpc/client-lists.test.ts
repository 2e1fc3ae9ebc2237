// Lists of tasks and templates over gRPC: a real engine, a real server, a real client.
import { beforeAll, describe, expect, test } from 'vitest';
import {
  ClientServiceService as Rpc,
  ListTasksRequest,
  State,
} from '../../../proto/gen/treadle/v1/client.ts';
import { parseTemplate, type TaskTemplate } from '../../../core/template/template.ts';
import { Engine } from '../../../engine/engine.ts';
import { create, startEngine } from '../../support/engines.ts';
import { templateOf } from '../../support/factories.ts';
import { serveClients, TestClient } from '../../support/grpc-client.ts';
import { testDatabase } from '../../support/postgres.ts';

const home = testDatabase();

/** Of an engine that knows these templates, and runs no step. */
async function clientOf(templates: readonly TaskTemplate[]) {
  const engine = await startEngine({ database: home.database, templates, works: {} });
  const client = new TestClient(await serveClients({ engine, database: home.database }));
  return { engine, client };
}

describe('a list', () => {
  const listed = templateOf({ pack: [] });
  const about = { namespace_name: 'test', name: listed.name };
  const ids: number[] = [];

  beforeAll(async () => {
    const engine = new Engine({ database: home.database, templates: [listed] });
    await engine.start();
    for (let made = 0; made < 7; made += 1) ids.unshift(await create(engine, listed));
    await engine.cancelTask(ids[3] ?? 0);
    await engine.stop();
  });

  const list = (request: Partial<ListTasksRequest>) => ListTasksRequest.fromPartial({ ...about, ...request });

  test('comes page by page, the newest first, whatever is created meanwhile', async () => {
    const { engine, client } = await clientOf([]);
    const first = await client.ask(Rpc.listTasks, list({ page_size: 3 }));
    await create(engine, listed);
    const second = await client.ask(Rpc.listTasks, list({ page_size: 3, page_token: first.next_page_token }));
    const third = await client.ask(Rpc.listTasks, list({ page_size: 3, page_token: second.next_page_token }));
    const seen = [first, second, third].flatMap(({ tasks }) => tasks.map(({ task_id }) => task_id));
    expect(seen).toEqual(ids);
    expect(third.next_page_token).toBe('');
  });

  test('is of one state, and of what is asked for', async () => {
    const { client } = await clientOf([]);
    const { tasks } = await client.ask(Rpc.listTasks, list({ state: State.CANCELLED }));
    expect(tasks).toMatchObject([{ task_id: ids[3], state: State.CANCELLED, ...about, steps: [] }]);
    const none = await client.ask(Rpc.listTasks, list({ namespace_name: 'elsewhere' }));
    expect(none).toEqual({ tasks: [], next_page_token: '' });
  });

  test('does not take the token of another list, a made-up one, or too large a page', async () => {
    const { client } = await clientOf([]);
    const { next_page_token } = await client.ask(Rpc.listTasks, list({ page_size: 1 }));
    const wrong = [
      { page_token: next_page_token, name: '' },
      { page_token: 'x' },
      { page_size: 1001 },
      { state: 9 as State },
    ];
    const refusals = await Promise.all(wrong.map((request) => client.refusal(Rpc.listTasks, list(request))));
    expect(refusals.map(({ violations }) => Object.keys(violations))).toEqual([
      ['page_token'],
      ['page_token'],
      ['page_size'],
      ['state'],
    ]);
  });
});

const SHIPS = { handler_class: 'Ships', runtime: 'worker' } as const;

describe('templates', () => {
  const wanted = { name: `versioned_${process.pid}`, namespace_name: 'test', version: '' };
  const versions = ['0.9.0', '0.10.0'].map((version) =>
    parseTemplate({
      ...templateOf({ pack: [], ship: ['pack'] }, { name: wanted.name, version, steps: { ship: SHIPS } }),
      description: `version ${version}`,
      schema: { type: 'object' },
    }),
  );

  test('are listed in all their versions, without their steps', async () => {
    const { client } = await clientOf(versions);
    const { templates } = await client.ask(Rpc.listTemplates, {});
    const mine = templates.filter(({ name }) => name === wanted.name);
    expect(mine.map(({ version, steps }) => [version, steps])).toEqual([
      ['0.9.0', []],
      ['0.10.0', []],
    ]);
  });

  test('are read with their steps', async () => {
    const { client } = await clientOf(versions);
    const { template: read } = await client.ask(Rpc.getTemplate, wanted);
    expect(read).toMatchObject({ description: 'version 0.10.0', schema_json: '{"type": "object"}' });
    expect(read?.steps).toEqual([
      { name: 'pack', handler: 'pack', depends_on_steps: [], runtime: '' },
      { name: 'ship', handler: 'Ships', depends_on_steps: ['pack'], runtime: 'worker' },
    ]);
  });

  test('are the latest by number unless a version is named', async () => {
    const { client } = await clientOf(versions);
    const read = async (version: string) =>
      (await client.ask(Rpc.getTemplate, { ...wanted, version })).template?.version;
    expect(await Promise.all(['', '0.9.0'].map(read))).toEqual(['0.10.0', '0.9.0']);
    const refusal = await client.refusal(Rpc.getTemplate, { ...wanted, version: '7.0.0' });
    expect(refusal).toMatchObject({ status: 'NOT_FOUND', reason: 'UNKNOWN_TEMPLATE' });
    expect(refusal.metadata).toEqual({ ...wanted, version: '7.0.0' });
  });
});
