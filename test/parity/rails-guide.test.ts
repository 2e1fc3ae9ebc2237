// docs/rails-models.md says what is so: its Ruby runs beside an engine and prints what the page shows, and its SQL makes a task go on.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PermanentError, RetryableError } from '../../core/errors.ts';
import { parseTemplate } from '../../core/template/template.ts';
import { Engine } from '../../engine/engine.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import { run } from '../../scripts/programs.ts';
import { ruby } from '../../scripts/toolchains.ts';
import { writeGuide } from '../examples/guide-blocks.ts';
import { eventually, handlersOf } from '../support/engines.ts';
import { stepIdsOf } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { statesOfSteps, stateOfTask } from '../support/trail.ts';
import { reasonToSkip } from './foreign-suite.ts';

const guide = writeGuide('docs/rails-models.md', 'rails-guide');
const toolchain = await ruby({ install: 'packages' });
const skipped = reasonToSkip(toolchain);
const home = testDatabase();
const GEM = join(import.meta.dirname, '..', '..', 'bindings', 'ruby', 'lib');
let engine: Engine;
let cardsAreStolen = true;

/** A stolen card fails, a closed bank lets wait; a new card is always good. */
function charge({ task }: StepContext): unknown {
  if (task.context['bank'] === 'closed') throw new RetryableError('the bank is closed', { retryAfter: 3600 });
  if (cardsAreStolen && task.context['card'] === 'stolen') throw new PermanentError('the card is stolen');
  return {};
}

beforeAll(async () => {
  const steps = { validate: [], charge: ['validate'], ship: ['charge'] };
  const template = parseTemplate({
    namespace_name: 'shop',
    name: 'order',
    step_templates: Object.entries(steps).map(([name, depends_on_steps]) => ({
      name,
      handler_class: name,
      depends_on_steps,
    })),
  });
  const handlers = handlersOf({ validate: () => ({}), charge, ship: () => ({}) });
  engine = new Engine({ database: home.database, templates: [template], handlers });
  await engine.start();
});
afterAll(async () => engine?.stop({ graceSeconds: 0 }));

async function order(context: Readonly<Record<string, string>>): Promise<number> {
  return (await engine.createTask({ namespace_name: 'shop', name: 'order', context })).task_id;
}

/** An order that has failed. */
async function failedOrder(): Promise<number> {
  const taskId = await order({ card: 'stolen' });
  expect(await engine.waitForTask(taskId)).toBe('error');
  return taskId;
}

/** What a file of the guide prints. */
async function printed(file: string): Promise<string> {
  const program = toolchain.ok ? toolchain.ruby : '';
  return (await run(program, ['-I', GEM, join(guide.folder, file)], { DATABASE_URL: home.url })).said;
}

/** The output that the guide shows, in the order of its blocks. */
function shown(position: number): string | undefined {
  return guide.commands.filter(({ language }) => language === 'text')[position]?.text;
}

test.skipIf(skipped)('reading prints what the guide shows', async () => {
  const taskId = await failedOrder();
  expect(await printed('reading.rb')).toBe(shown(0));
  await engine.resolveTask(taskId, { by: 'the test' });
});

test.skipIf(skipped)('what waits is shown as the guide shows it', async () => {
  const taskId = await order({ bank: 'closed' });
  await eventually(
    () => statesOfSteps(home.database, taskId),
    ({ charge: state }) => state === 'error',
  );
  expect(await printed('waiting.rb')).toBe(shown(1));
  await engine.cancelTask(taskId, { by: 'the test' });
});

test.skipIf(skipped)('a task that the guide creates is run', async () => {
  expect(await printed('creating.rb')).toBe(shown(2));
  const [task] = await home.database.query<{ task_id: number }>(
    `select task_id from tasker_tasks where identity_hash = 'order-7'`,
  );
  expect(await engine.waitForTask(task?.task_id ?? 0)).toBe('complete');
});

test.skipIf(skipped)('what the guide does about failed tasks lets them go on', async () => {
  const tasks = [await failedOrder(), await failedOrder(), await failedOrder(), await failedOrder()];
  cardsAreStolen = false;
  expect(await printed('operating.rb')).toBe(shown(3));
  await eventually(
    () => Promise.all(tasks.map((taskId) => stateOfTask(home.database, taskId))),
    (states) => states.join() === 'complete,complete,resolved_manually,complete',
  );
  cardsAreStolen = true;
});

test('the SQL of the guide makes a failed step run again', async () => {
  const taskId = await failedOrder();
  const stepId = (await stepIdsOf(home.database, taskId))['charge'] ?? 0;
  const sql = guide.commands.find(({ language }) => language === 'sql');
  cardsAreStolen = false;
  await home.database.query(
    (sql?.text ?? '').replaceAll(':task_id', `${taskId}`).replaceAll(':step_id', `${stepId}`),
  );
  await eventually(
    () => stateOfTask(home.database, taskId),
    (state) => state === 'complete',
  );
  cardsAreStolen = true;
});

test('nothing that the guide does breaks an invariant', async () => {
  expect(await violations(home.database)).toEqual([]);
});
