// docs/mixed-fleets.md says what is so: its commands are typed in their order, on a database where Rails runs everything, and print
// what the page shows.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { matches, sectionsOf, typedIn } from '../examples/console-guide.ts';
import { Terminals } from '../examples/guide-terminal.ts';
import { createdWorld, sibling, writeAsRails } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();
const sections = sectionsOf('docs/mixed-fleets.md');
const folder = resolve('.treadle', 'test', 'fleet-guide');

/** As `npx treadle` is in a project that has installed it. */
function installTreadle(): void {
  const bin = join(folder, 'node_modules', '.bin');
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh\nexec node ${resolve('bin', 'treadle.js')} "$@"\n`;
  writeFileSync(join(bin, 'treadle'), script, { mode: 0o755 });
  writeFileSync(join(folder, 'package.json'), '{}');
}

const NAMED_TASKS = 'array(select named_task_id from tasker_named_tasks)';

/** Tasks that Rails has: two checkouts, one of them in progress, and a refund; no template is registered. */
async function writeRailsTasks(): Promise<void> {
  const checkout = await createdWorld(home.database, { pay: [] }, { name: 'checkout', version: '1.0.0' });
  const begun = await sibling(checkout);
  await createdWorld(home.database, { pay: [] }, { name: 'refund', version: '1.0.0' });
  await home.database.query('delete from tasker_task_transitions where task_id = $1', [begun.taskId]);
  await writeAsRails(home.database, 'task', begun.taskId, 'in_progress');
  for (const statement of [
    `update tasker_task_namespaces set name = 'shop'`,
    'create table definitions as select * from treadle.step_definitions',
    ...['step_definitions', 'own_named_tasks', 'wakeups', 'ready_steps'].map(
      (table) => `delete from treadle.${table}`,
    ),
  ])
    await home.database.query(statement);
}

/** What engines do when they start. */
async function registerTemplates(): Promise<void> {
  await home.database.query('insert into treadle.step_definitions select * from definitions');
  await home.database.query(`select treadle.sync_own_named_tasks(${NAMED_TASKS}, false)`);
}

async function type(title: string): Promise<void> {
  const environment = { DATABASE_URL: home.url, NODE_ENV: 'test', npm_config_loglevel: 'error' };
  const terminals = new Terminals({ folder, environment });
  const blocks = sections.find((section) => section.title === title)?.blocks ?? [];
  for (const { text } of blocks.filter(({ language }) => language === 'console')) {
    for (const { command, shown } of typedIn(text)) {
      const came = await terminals.type(command);
      expect(matches(shown, came), `$ ${command}\n${came}`).toBe(true);
    }
  }
}

beforeAll(async () => {
  installTreadle();
  await writeRailsTasks();
});

test('before the first engine starts everything stays in Rails', async () => {
  await type('Before the first engine starts');
  await registerTemplates();
  expect(await home.database.query('select from treadle.own_named_tasks')).toEqual([]);
});

test.each(['Move a named task', 'And back', 'When the last one has moved'])('%s prints what is shown', type);

test('nothing that the page does breaks an invariant', async () => {
  expect(await violations(home.database)).toEqual([]);
});
