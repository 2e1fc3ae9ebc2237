// `treadle start --http` and `treadle dev --http`: the REST API beside an engine.
import { expect, it, onTestFinished } from 'vitest';
import { PROJECT, startTreadle, treadle } from '../support/cli.ts';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();

it.each(['start', 'dev'] as const)('treadle %s --http serves the API until it stops', async (command) => {
  const running = startTreadle([command, '--http', '127.0.0.1:0'], { url: home.url, cwd: PROJECT });
  onTestFinished(() => void running.child.kill('SIGKILL'));
  const said = await running.says(command === 'start' ? '"msg":"ready"' : 'Ctrl-C stops');
  const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
  const task = { namespace: 'shop', name: 'order', context: { order_id: 1, total: 1 } };
  const made = await fetch(`${url}/tasks`, { method: 'POST', body: JSON.stringify({ task }) });
  expect(made.status).toBe(201);
  expect(await made.json()).toMatchObject({ task: { full_name: 'shop.order@1.0.0' } });
  running.child.kill('SIGTERM');
  expect(await running.ended).toMatchObject({ status: 0 });
  await expect(fetch(`${url}/health/live`)).rejects.toThrow('fetch failed');
});

it('an address that other machines reach needs tokens, in one line', async () => {
  const { status, stderr } = await treadle(['start', '--http', '0.0.0.0:7466'], {
    url: home.url,
    cwd: PROJECT,
  });
  expect([status, stderr]).toEqual([
    2,
    'treadle: HTTP: 0.0.0.0:7466 is open to other machines: expected TREADLE_HTTP_TOKENS\n',
  ]);
});
