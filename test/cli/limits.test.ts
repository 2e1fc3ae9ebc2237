import { expect, test } from 'vitest';
import { treadle } from '../support/cli.ts';
import { limitedWorld, ready, take } from '../support/limited.ts';
import { testDatabase } from '../support/postgres.ts';

const db = testDatabase();
const cli = (...args: readonly string[]) => treadle(['limits', ...args], { url: db.url });

test('limits are set, listed with what runs and waits, and removed', async () => {
  const world = await limitedWorld(db.database, {});
  await ready(world, [{ n: 1 }, { n: 2 }, { n: 3 }]);
  const set = await cli('set', '--handler', world.handler, '--concurrency', '2', '--rate', '100/1m');
  expect(set.stdout).toBe(`limited handler ${world.handler}: 2 at once, 100 in 1m\n`);
  await take(world, db.database);
  const listed = JSON.parse((await cli('list', '--json')).stdout) as unknown;
  const both = { scope: 'handler', subject: world.handler, key: null, in_use: 2, waiting: 1 };
  expect(listed).toMatchObject({
    limits: [
      { ...both, kind: 'concurrency', amount: 2, per_ms: null },
      { ...both, kind: 'rate', amount: 100, per_ms: 60_000 },
    ],
  });
  const removed = await cli('remove', '--handler', world.handler, '--rate');
  expect(removed.stdout).toBe(`removed 1 limit of handler ${world.handler}\n`);
});

test('a list for people names the keys of templates', async () => {
  const world = await limitedWorld(db.database, { concurrency: { limit: 1, key: '{{ context.customer }}' } });
  await ready(world, [{ customer: 'a' }, { customer: 'b' }]);
  const { stdout } = await cli();
  expect(stdout).toContain(`step test/${world.name}/work`);
  expect(stdout).toContain('1 at once for each {{ context.customer }}');
  expect(stdout).toContain('2 of 2 keys');
});

test('treadle doctor says which limits hold steps back, and which can never do anything', async () => {
  const world = await limitedWorld(db.database, { concurrency: { limit: 1 } });
  await cli('set', '--handler', world.handler, '--rate', '1/1h');
  await db.database.query(
    `insert into treadle.limits (scope, subject, kind, amount, set_at) values ('handler', 'Renamed', 'concurrency', 7, now())`,
  );
  await ready(world, [{ n: 1 }, { n: 2 }, { n: 3 }]);
  await take(world, db.database);
  const { stdout } = await treadle(['doctor', '--json'], { url: db.url });
  const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; message: string }[] };
  const said = checks
    .filter(({ name }) => name === 'limits')
    .map(({ status, message }) => `${status} ${message}`);
  expect(said).toEqual([
    expect.stringMatching(/^ok \d+ of \d+ hold steps back now: /),
    'warn no registered template has a step for handler Renamed (7 at once)',
  ]);
  expect(said[0]).toContain(`handler ${world.handler} (1 in 1h): 2 ready steps`);
  expect(said[0]).toContain(`step test/${world.name}/work (1 at once): 2 ready steps`);
});

test.each([
  [['set', '--concurrency', '1'], 'expected --namespace or --handler'],
  [['set', '--handler', 'Nobody', '--concurrency', '1'], 'no template names a handler "Nobody"'],
  [['set', '--handler', 'x'], 'expected --concurrency or --rate, came neither'],
  [['set', '--handler', 'x', '--rate', '100'], 'expected a rate like 100/1m'],
  [['set', '--handler', 'x', '--concurrency', '0'], 'Expected a whole number'],
])('treadle limits %j says what is wrong', async (args, message) => {
  const { status, stderr } = await cli(...args);
  expect(status).toBe(2);
  expect(stderr).toContain(message);
});
