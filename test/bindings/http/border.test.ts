// The border of the REST API: who may do what, what is refused and in which words, and whatever else may come over a socket.
import { connect } from 'node:net';
import { once } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HttpServer } from '../../../bindings/http/server.ts';
import { create } from '../../support/engines.ts';
import { templateOf } from '../../support/factories.ts';
import { startApi } from '../../support/http-servers.ts';
import { testDatabase } from '../../support/postgres.ts';
import { tokensFile } from '../../support/token-files.ts';

const home = testDatabase();
const SECRET = 'a-secret-of-sixteen-letters';

test('every answer is as the OpenAPI document says', async () => {
  const { ask } = await startApi({ database: home.database });
  const { body: document } = await ask('GET', '/openapi.json');
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toContain('/tasks/{task_id}/workflow_steps/{workflow_step_id}');
  const { parameters } = document.paths['/tasks'].get;
  expect(parameters.map(({ name }: { name: string }) => name)).toContain('sort_by');
  expect(document.paths['/tasks/{task_id}'].get.responses['200']).toBeDefined();
});

test.each([
  ['nothing', undefined, { error: { task: ['invalid parameters: requires task name'] } }],
  ['no JSON', 'task: 7', { error: 'expected a body that is JSON' }],
  ['no name', { task: {} }, { error: { 'task.name': [expect.any(String)] } }],
])('a task of %s is refused', async (_, body, problem) => {
  const { ask } = await startApi({ database: home.database });
  expect(await ask('POST', '/tasks', body)).toEqual({ status: 400, body: problem });
});

test('a task of a template that nobody has registered is refused', async () => {
  const { ask } = await startApi({ database: home.database });
  const { status, body } = await ask('POST', '/tasks', { task: { name: 'nobody_knows', context: { a: 1 } } });
  expect([status, body.code]).toEqual([404, 'unknown_template']);
});

test('what does not exist is not found', async () => {
  const { ask } = await startApi({ database: home.database });
  for (const path of [
    '/tasks/999999999',
    '/tasks/x',
    '/tasks/1e300',
    '/nowhere',
    '/tasks/999999999/workflow_steps',
    '/handlers/%00',
    '/schedules/%00',
  ]) {
    expect(await ask('GET', path)).toMatchObject({ status: 404, body: { error: expect.any(String) } });
  }
});

test('a NUL is refused wherever a text may stand', async () => {
  const { ask } = await startApi({ database: home.database });
  for (const query of ['/tasks?name=%00', '/handlers/a/b?version=%00', '/schedules?namespace=%00']) {
    expect(await ask('GET', query)).toMatchObject({ status: 400, body: { error: expect.any(Object) } });
  }
  for (const path of ['/tasks', '/schedules']) {
    const body = { name: 'a', tags: ['\0'] };
    const error = 'expected text without NUL or lone surrogates at tags[0], received "\\u0000"';
    expect(await ask('POST', path, body)).toMatchObject({ status: 400, body: { error } });
  }
});

test('a token may do what its permissions say, in its namespaces', async () => {
  const template = templateOf({ a: [] });
  const tokens = tokensFile([
    {
      name: 'reader',
      role: 'client',
      token: SECRET,
      namespaces: ['else*'],
      permissions: ['tasker.task:index', 'tasker.task:show'],
    },
  ]);
  const { ask, engine } = await startApi({
    database: home.database,
    templates: [template],
    http: { tokens },
  });
  const taskId = await create(engine, template);
  expect(await ask('GET', '/tasks')).toMatchObject({ status: 401, body: { error: 'Unauthorized' } });
  expect(await ask('GET', '/tasks', undefined, 'another-secret-of-letters')).toMatchObject({ status: 401 });
  expect(await ask('GET', '/tasks', undefined, SECRET)).toMatchObject({ status: 200, body: { tasks: [] } });
  expect(await ask('GET', `/tasks/${taskId}`, undefined, SECRET)).toMatchObject({ status: 404 });
  expect(await ask('DELETE', `/tasks/${taskId}`, undefined, SECRET)).toMatchObject({ status: 403 });
  expect(await ask('GET', '/health/live')).toMatchObject({ status: 200, body: { alive: true } });
});

test.each([
  ['0.0.0.0:7466', 'HTTP: 0.0.0.0:7466 is open to other machines: expected TREADLE_HTTP_TOKENS'],
  ['nonsense', 'HTTP: expected an address like 127.0.0.1:7466 or [::1]:7466, came "nonsense"'],
])('the address %s is refused before anything listens', async (listen, words) => {
  const { engine } = await startApi({ database: home.database });
  expect(() => new HttpServer({ engine, database: home.database, listen })).toThrow(words);
});

test('health says that the engine is ready, and how the database stands', async () => {
  const { ask } = await startApi({ database: home.database });
  expect((await ask('GET', '/health/ready')).body).toMatchObject({
    ready: true,
    checks: { queue: { status: 'healthy' } },
  });
  const { body } = await ask('GET', '/health/status');
  expect(body.metrics.tasks).toHaveProperty('total');
  expect((await ask('GET', '/metrics')).body).toMatch(/^treadle_tasks\{state="complete"\} \d+$/m);
  expect((await ask('GET', '/analytics/performance')).body.performance_trends).toHaveProperty('last_4_hours');
  expect((await ask('GET', '/analytics/bottlenecks?period=2')).body).toMatchObject({
    analysis_period_hours: 2,
  });
});

test('handlers are listed by namespace, with the graph of their steps', async () => {
  const template = templateOf({ a: [], b: ['a'] });
  const { ask } = await startApi({
    database: home.database,
    templates: [template],
    works: { a: () => 1, b: () => 2 },
  });
  const { namespace_name: namespace, name, version } = template;
  expect((await ask('GET', '/handlers')).body.total_namespaces).toBeGreaterThan(0);
  expect((await ask('GET', `/handlers/${namespace}`)).body.handlers).toContainEqual({
    name,
    namespace,
    versions: [version],
    latest_version: version,
    handler_count: 1,
  });
  const { body } = await ask('GET', `/handlers/${namespace}/${name}`);
  expect(body.handler).toMatchObject({ available: true, dependency_graph: { execution_order: ['a', 'b'] } });
  expect(await ask('GET', '/handlers/nowhere')).toEqual({
    status: 404,
    body: { error: 'Namespace not found' },
  });
});

test('no request makes it fail: whatever comes, it answers in its own words', async () => {
  const { ask } = await startApi({ database: home.database });
  const method = fc.constantFrom('GET', 'POST', 'PATCH', 'PUT', 'DELETE');
  const part = fc.oneof(
    fc.constantFrom(
      'tasks',
      'workflow_steps',
      'handlers',
      'health',
      'retry',
      'analytics',
      'schedules',
      'run',
      '%00',
      '1',
      '0',
      '-1',
      '9'.repeat(30),
    ),
    fc.string().map(encodeURIComponent),
  );
  const path = fc.array(part, { maxLength: 5 }).map((parts) => `/${parts.join('/')}`);
  const query = fc.dictionary(
    fc.constantFrom('limit', 'offset', 'status', 'sort_by', 'since', 'x'),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(
      method,
      path,
      query,
      fc.oneof(fc.json(), fc.string()),
      async (verb, where, asked, sent) => {
        const search = new URLSearchParams(asked).toString();
        const { status } = await ask(verb, `${where}?${search}`, verb === 'GET' ? undefined : sent);
        expect(status).toBeLessThan(500);
      },
    ),
    { numRuns: 400 },
  );
});

test('bytes that are no HTTP cost their own connection only', async () => {
  const { ask, url } = await startApi({ database: home.database });
  for (const bytes of ['\0\0\0', 'GET', `GET / HTTP/1.1\r\nhost: x\r\n${'a: b\r\n'.repeat(5000)}\r\n`]) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.end(bytes);
    socket.resume();
    await once(socket, 'close');
  }
  expect(await ask('GET', '/health/live')).toMatchObject({ status: 200 });
});

test('a body that is too large is refused', async () => {
  const { ask } = await startApi({ database: home.database, http: { maxBodyBytes: 1000 } });
  expect(await ask('POST', '/tasks', { task: { name: 'x'.repeat(2000) } })).toMatchObject({ status: 413 });
});
