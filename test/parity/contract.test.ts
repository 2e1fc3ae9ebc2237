// The contract of all languages, in TypeScript: the language in which it was written down. python.test.ts and ruby.test.ts
// run the same files in the others.
import { beforeAll, expect, test } from 'vitest';
import { Engine } from '../../engine/engine.ts';
import { eventually } from '../support/engines.ts';
import { testDatabase } from '../support/postgres.ts';
import { statesOfSteps } from '../support/trail.ts';
import { casesOf, readContract, type ContractCase } from './contract-case.ts';
import { CheckedContractHandler, ContractHandler, journal } from './contract-handler.ts';
import { differences } from './contract-rows.ts';
import { requestOfCase, templateOfCase } from './contract-templates.ts';
import { SubjectEvents } from './subject-events.ts';

const home = testDatabase();
const cases = casesOf('typescript');
const taskIds = new Map<string, number>();
let engine: Engine;
let events: SubjectEvents;

/** All cases run at once: each test then waits for its own. */
beforeAll(async () => {
  engine = new Engine({
    database: home.database,
    handlers: { ContractHandler, CheckedContractHandler },
    templates: cases.map(templateOfCase),
  });
  events = new SubjectEvents(engine);
  await engine.start();
  const created = await engine.createTasks(cases.map(requestOfCase));
  for (const [index, { task_id }] of created.entries()) taskIds.set(cases[index]?.name ?? '', task_id);
  return async () => void (await engine.stop({ graceSeconds: 0 }));
});

async function end(one: ContractCase): Promise<number> {
  const taskId = taskIds.get(one.name) ?? 0;
  if (one.cancelled_while_running) {
    const states = () => statesOfSteps(home.database, taskId);
    await eventually(states, ({ subject }) => subject === 'in_progress');
    await engine.cancelTask(taskId);
  }
  await engine.waitForTask(taskId);
  return taskId;
}

test.each(cases)('$name: $about', async (one) => {
  const taskId = await end(one);
  expect(await differences(home.database, taskId, one.expect, 'typescript')).toEqual([]);
  await expect.poll(() => events.of(taskId), { timeout: 5000 }).toEqual(one.expect.events);
  if (!one.expect.journal) return;
  await expect.poll(() => journal.get(taskId) ?? [], { timeout: 5000 }).toEqual(one.expect.journal);
});

test('the contract has more than thirty cases, and says why a language is left out of one', () => {
  const all = readContract();
  expect(all.length).toBeGreaterThan(30);
  expect(all.filter(({ only }) => only !== undefined).map(({ why_only: why }) => why)).not.toContain('');
});
