// docs/adopting.md is typed from its first command to the last, on what a Rails application has left, with an engine of the project beside it:
// each command goes well, the statement for lost steps lets their task go on, and nothing of ours stays.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sectionsOf, type Block } from '../examples/console-guide.ts';
import { Terminals } from '../examples/guide-terminal.ts';
import { installOriginals } from '../../bench/rails/originals.ts';
import { eventually } from '../support/engines.ts';
import { stepIdsOf } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { createShopApp, createShopDatabase } from '../support/rails-shop.ts';
import { statesOfSteps, stateOfTask } from '../support/trail.ts';

const app = createShopApp('adopting');
const sections = sectionsOf('docs/adopting.md');
const A_MINUTE = 120_000;
/** Left in progress by a worker of Rails that was killed, and never started. */
const [LOST, NEVER_STARTED] = [6, 5];
let home: TestDatabase;
let terminals: Terminals;

/** The handlers of the named task, as step 3 of the page asks for. */
const APP = `import { StepHandler } from '${join(process.cwd(), 'index.ts')}';
const handler = (name, results) => class extends StepHandler { static handlerName = 'Shop::StepHandlers::' + name; process() { return results; } };
export const handlers = [handler('ValidateCart', { total_cents: 1 }), handler('ChargeCard', {}), handler('SendReceipt', {})];
`;

beforeAll(async () => {
  home = await createShopDatabase();
  await installOriginals(home.database);
  const environment = {
    PATH: `${app.path}:${process.env['PATH']}`,
    DATABASE_URL: home.url,
    NODE_ENV: 'development',
    TREADLE_SWEEP_SECONDS: '86400', // it would take over what Rails has left, in any moment of the page
  };
  writeFileSync(join(app.folder, 'treadle.app.ts'), APP);
  terminals = new Terminals({ folder: app.folder, environment });
});
afterAll(async () => {
  terminals?.killAll();
  await home?.drop();
});

function blocksOf(title: string): readonly Block[] {
  const section = sections.find((one) => one.title.includes(title));
  if (section === undefined) throw new Error(`docs/adopting.md has no section "${title}"`);
  return section.blocks;
}

/** Types the commands of a section; `treadle start` is left running. */
async function typeSection(title: string): Promise<string> {
  let said = '';
  const blocks = blocksOf(title).filter(({ language }) => language === 'bash');
  for (const command of blocks.flatMap(({ text }) => text.trim().split('\n'))) {
    if (command.endsWith('treadle start'))
      await terminals.leaveRunning('engine', command, '...\n"ready"\n...');
    else said += await terminals.type(`${command} && echo "went well"`);
  }
  return said;
}

/** Those of the section in SQL, for this step. */
function statementOf(title: string, stepId = 0): string {
  return blocksOf(title)
    .filter(({ language }) => language === 'sql')
    .map(({ text }) => text.replace('workflow_step_id = 42', `workflow_step_id = ${stepId}`))
    .join('');
}

test('looking changes nothing', async () => {
  expect(await typeSection('Look')).toContain('can be adopted');
  expect(await hasOurSchema()).toBe(false);
});

test('adopting adds the schema, when it is answered with yes', async () => {
  const [block] = blocksOf('Adopt');
  expect(await terminals.type(`${block?.text.trim()} --yes && echo "went well"`)).toContain('went well');
  expect(await hasOurSchema()).toBe(true);
});

test(
  'a named task that is handed over is run by an engine, but for what Rails may still run',
  { timeout: A_MINUTE },
  async () => {
    writeFileSync(
      join(app.folder, 'templates.sh'),
      'mkdir templates && cp config/tasker/tasks/shop/checkout.yaml templates/',
    );
    await terminals.type('sh templates.sh');
    expect(await typeSection('Hand over')).toMatch(/[1-9]\d* unfinished tasks of \d+ adopted/);
    await eventually(
      () => stateOfTask(home.database, NEVER_STARTED),
      (state) => state === 'complete',
    );
    expect(await stateOfTask(home.database, LOST)).toBe('in_progress');
  },
);

test('a lost step is ended by the statement, and its task goes on', async () => {
  const { charge_card: stepId } = await stepIdsOf(home.database, LOST);
  await home.database.query(statementOf('Lost steps', stepId));
  expect(await statesOfSteps(home.database, LOST)).toMatchObject({ charge_card: 'error' });
  await eventually(
    () => stateOfTask(home.database, LOST),
    (state) => state === 'complete',
    A_MINUTE,
  );
});

test('it is well afterwards', async () => {
  const said = await typeSection('See that it is well');
  expect(said.match(/went well/g)).toHaveLength(2);
  expect(await violations(home.database)).toEqual([]);
});

test('the reports become those of Treadle', async () => {
  const said = await typeSection('Make the reports fast');
  expect(said).toContain('nothing was changed; the same with --yes replaces them');
  expect(said).toContain('replaced 3 definitions; counts of states are kept');
  expect(said.match(/went well/g)).toHaveLength(2);
  expect(await violations(home.database)).toEqual([]);
});

test('going back leaves what Rails had, and the tasks that were run', async () => {
  expect(await terminals.interrupt('engine')).toContain('stopped');
  expect(await typeSection('Going back')).toContain('restored 3 definitions; the triggers that count');
  await home.database.query(statementOf('Going back'));
  expect(await hasOurSchema()).toBe(false);
  expect(await stateOfTask(home.database, LOST)).toBe('complete');
  expect(await typeSection('Look')).toContain('can be adopted');
});

async function hasOurSchema(): Promise<boolean> {
  const [row] = await home.database.query<{ there: boolean }>(
    `select to_regnamespace('treadle') is not null as there`,
  );
  return row?.there === true;
}
