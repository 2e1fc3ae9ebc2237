// Schedules over the REST API: added, listed, paused, run out of turn, removed, each by who may.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { schedule as shape } from '../../../bindings/http/shapes.ts';
import { parseTemplate } from '../../../core/template/template.ts';
import { templateOf, uniqueName } from '../../support/factories.ts';
import { startApi } from '../../support/http-servers.ts';
import { testDatabase } from '../../support/postgres.ts';
import { tokensFile } from '../../support/token-files.ts';

const home = testDatabase();
const SECRET = 'a-secret-of-sixteen-letters';

async function api(http: Parameters<typeof startApi>[0]['http'] = {}) {
  const template = templateOf({ a: [] });
  const started = await startApi({
    database: home.database,
    templates: [template],
    works: { a: () => 1 },
    http,
  });
  const { namespace_name: namespace, name: task_name } = template;
  const name = uniqueName('nightly');
  const request = {
    namespace,
    task_name,
    name,
    cron: '0 3 * * *',
    timezone: 'Europe/Paris',
    context: { shop: 1 },
    tags: ['x'],
  };
  return { ...started, template, name, request };
}

test('a schedule is added, shown, listed and removed', async () => {
  const { ask, name, request } = await api();
  const added = await ask('POST', '/schedules', { schedule: request });
  expect(added.status).toBe(201);
  expect(shape.parse(added.body.schedule)).toMatchObject({ ...request, state: 'active', version: null });
  expect((await ask('GET', `/schedules/${name}`)).body).toEqual(added.body);
  const listed = await ask('GET', `/schedules?namespace=${request.namespace}`);
  expect(listed.body.schedules).toContainEqual(added.body.schedule);
  expect((await ask('GET', '/schedules?namespace=nowhere')).body).toEqual({ schedules: [] });
  expect(await ask('DELETE', `/schedules/${name}`)).toEqual({ status: 200, body: { removed: true } });
  expect(await ask('GET', `/schedules/${name}`)).toMatchObject({ status: 404 });
});

test('a schedule is paused with who and why, and goes on', async () => {
  const { ask, name, request } = await api();
  await ask('POST', '/schedules', { schedule: request });
  const pause = { schedule: { paused: true, reason: 'stocktaking' } };
  expect((await ask('PATCH', `/schedules/${name}`, pause)).body.schedule).toMatchObject({
    state: 'paused',
    pause_reason: 'stocktaking',
    paused_by: expect.any(String),
  });
  const resumed = await ask('PUT', `/schedules/${name}`, { schedule: { paused: false } });
  expect(resumed.body.schedule).toMatchObject({ state: 'active', paused_at: null });
});

test('a task of a schedule is made out of turn, and runs', async () => {
  const { ask, engine, name, request } = await api();
  await ask('POST', '/schedules', { schedule: request });
  const { status, body } = await ask('POST', `/schedules/${name}/run`);
  expect([status, body.task.name, body.task.tags]).toEqual([
    201,
    request.task_name,
    expect.arrayContaining(['x', `schedule:${name}`]),
  ]);
  expect(await engine.waitForTask(body.task.task_id)).toBe('complete');
});

test('the schedule of a template is found by its name, whose slash is written %2F', async () => {
  const { ask } = await api();
  const schedule = { cron: '@daily', context: { shop: 1 } };
  const template = parseTemplate({ ...templateOf({ a: [] }), schedule });
  await startApi({ database: home.database, templates: [template] });
  const name = `${template.namespace_name}/${template.name}`;
  const { status, body } = await ask('GET', `/schedules/${encodeURIComponent(name)}`);
  expect([status, body.schedule?.name, body.schedule?.from_template]).toEqual([200, name, true]);
});

test.each([
  ['nothing', {}, 400],
  ['no cron', { task_name: 'x' }, 400],
  ['a key that nobody knows', { task_name: 'x', cron: '@daily', crno: '' }, 400],
  [
    'a template that nobody has registered',
    { task_name: 'nobody_knows', cron: '@daily', context: { a: 1 } },
    404,
  ],
  ['a cron expression that is none', { cron: 'daily' }, 422],
  ['a time zone that is none', { cron: '@daily', timezone: 'Mars/Olympus' }, 422],
])('a schedule with %s is refused', async (_, given, status) => {
  const { ask, request } = await api();
  const { namespace, task_name, context } = request;
  const whole = status === 422 ? { namespace, task_name, context, ...given } : given;
  expect(await ask('POST', '/schedules', { schedule: whole })).toMatchObject({
    status,
    body: { error: expect.anything() },
  });
});

test('a token may do with schedules what its permissions and namespaces say', async () => {
  const permissions = ['tasker.schedule:index', 'tasker.schedule:show', 'tasker.schedule:create'];
  const token = { name: 'reader', role: 'client', token: SECRET, namespaces: ['else*'], permissions };
  const { ask, engine, name, request } = await api({ tokens: tokensFile([token]) });
  await engine.schedules.add({
    namespace_name: request.namespace,
    task_name: request.task_name,
    name,
    cron: '@daily',
    context: { shop: 1 },
  });
  const status = async (method: string, path: string, body?: object) =>
    (await ask(method, path, body, SECRET)).status;
  expect((await ask('GET', '/schedules', undefined, SECRET)).body).toEqual({ schedules: [] });
  expect(await status('GET', `/schedules/${name}`)).toBe(404);
  expect(await status('POST', '/schedules', { schedule: request })).toBe(403);
  expect(await status('DELETE', `/schedules/${name}`)).toBe(403);
  expect((await ask('GET', '/schedules')).status).toBe(401);
});

test('whatever schedule is sent is answered in words', async () => {
  const { ask, request } = await api();
  const text = fc.string({ unit: 'binary', maxLength: 200 });
  const given = fc.record(
    {
      name: text,
      version: text,
      cron: text,
      initiator: text,
      reason: text,
      tags: fc.array(text),
      timezone: text,
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(given, async (some) => {
      const { status } = await ask('POST', '/schedules', { schedule: { ...request, ...some } });
      expect(status).toBeLessThan(500);
      const { name = request.name } = some;
      expect((await ask('GET', `/schedules/${encodeURIComponent(name)}`)).status).toBeLessThan(500);
    }),
    { numRuns: 100 },
  );
});
