// The judge of the chaos runs is itself put to the test: a sound history passes, and each corruption of it is found.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Executor } from '../../sql/database.ts';
import { Engine } from '../../engine/engine.ts';
import { check } from '../support/chaos/checker.ts';
import { chaosHandler } from '../support/chaos/handler.ts';
import { Journal, readJournals, type Execution } from '../support/chaos/journal.ts';
import { EFFECTS, readSnapshot } from '../support/chaos/snapshot.ts';
import { requestsOf, templatesOf } from '../support/chaos/workload.ts';
import { testDatabase } from '../support/postgres.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const SEED = 5;
const home = testDatabase();
const directory = mkdtempSync(join(tmpdir(), 'treadle-checker-'));
let executions: readonly Execution[] = [];

beforeAll(async () => {
  await home.database.query(EFFECTS);
  const journal = new Journal(join(directory, 'one.journal'));
  const engine = new Engine({
    database: home.database,
    handlers: { Chaos: chaosHandler(journal) },
    templates: templatesOf(SEED),
  });
  await engine.start();
  const tasks = await engine.createTasks(requestsOf(SEED, 25));
  await Promise.all(tasks.map(({ task_id }) => engine.waitForTask(task_id)));
  await engine.stop();
  journal.close();
  executions = readJournals(directory);
});

afterAll(() => rmSync(directory, { recursive: true }));

async function judge(db: Executor, journals: readonly Execution[] = executions): Promise<string> {
  return check(await readSnapshot(db), journals).join('\n');
}

test('a history in which nothing went wrong has nothing to find', async () => {
  expect(executions.length).toBeGreaterThan(100);
  expect(await judge(home.database)).toBe('');
});

const STEP = 'public.tasker_workflow_step_transitions';
const someStep = (condition: string): string =>
  `(select workflow_step_id from ${STEP} where most_recent and ${condition} order by 1 limit 1)`;
const COMPLETE = someStep(`to_state = 'complete'`);
const CHILD = `(select to_step_id from public.tasker_workflow_step_edges where from_step_id = ${COMPLETE} limit 1)`;
/** A step that failed and then completed. */
const RETRIED = `(
  select workflow_step_id from ${STEP} where to_state = 'error' and metadata ->> 'retry_available' = 'true' order by 1 limit 1
)`;
const TASK = `(select min(task_id) from public.tasker_task_transitions where most_recent and to_state = 'complete')`;

test.each([
  [
    'a move that the law does not know',
    `update ${STEP} set from_state = 'pending' where workflow_step_id = ${COMPLETE} and most_recent`,
    /says that it came from pending/,
  ],
  [
    'a state that was left out',
    `delete from ${STEP} where workflow_step_id = ${RETRIED} and to_state = 'pending'`,
    /error -> in_progress .* is no move of the event start/,
  ],
  [
    'a row too few that is most_recent',
    `update ${STEP} set most_recent = false where workflow_step_id = ${COMPLETE}`,
    /expected the last row alone to be most_recent, came 0/,
  ],
  [
    'an older row that is most_recent',
    `do $$ begin
      update ${STEP} set most_recent = false where workflow_step_id = ${RETRIED};
      update ${STEP} set most_recent = true where workflow_step_id = ${RETRIED} and sort_key = 10;
    end $$`,
    /expected the last row alone to be most_recent, came 1/,
  ],
  [
    'keys in another order than the rows',
    `update ${STEP} set sort_key = 5 where workflow_step_id = ${COMPLETE} and most_recent`,
    /pending -> complete/,
  ],
  [
    'an attempt too many',
    `update public.tasker_workflow_steps set attempts = attempts + 1 where workflow_step_id = ${COMPLETE}`,
    /attempts is 2, its trail says 1|attempts is \d+, its trail says \d+/,
  ],
  [
    'an attempt too few',
    `update public.tasker_workflow_steps set attempts = attempts - 1 where workflow_step_id = ${RETRIED}`,
    /attempts is \d+, its trail says \d+/,
  ],
  [
    'a step that completed twice',
    `
    with last as (update ${STEP} set most_recent = false where workflow_step_id = ${COMPLETE} and most_recent returning *)
    insert into ${STEP} (workflow_step_id, from_state, to_state, metadata, sort_key, created_at, updated_at)
    select workflow_step_id, to_state, 'complete', metadata, sort_key + 10, created_at, updated_at from last`,
    /completed more than once/,
  ],
  [
    'an end without its start',
    `delete from ${STEP} where workflow_step_id = ${COMPLETE} and not most_recent`,
    /pending -> complete .* is no move of the event complete/,
  ],
  [
    'a start that is dated at its end',
    `update ${STEP} set created_at = created_at + interval '1 second' where workflow_step_id = ${COMPLETE} and not most_recent`,
    /ran for [\d.]+ s, but its start and its end are -?[\d.]+ ms apart/,
  ],
  [
    'a late answer that counted',
    `update ${STEP} set metadata = metadata || '{"worker_id": 77}' where workflow_step_id = ${COMPLETE} and most_recent`,
    /worker \d+ began what worker 77 ended/,
  ],
  [
    'a child that began before its parent was done',
    `update ${STEP} set id = -id where workflow_step_id = ${CHILD}`,
    /started .* before its parent/,
  ],
  [
    'a complete task with an open step',
    `delete from ${STEP} where workflow_step_id = (select max(workflow_step_id) from public.tasker_workflow_steps where task_id = ${TASK})`,
    /is complete, but .* is pending/,
  ],
  [
    'a task that never ended',
    `delete from public.tasker_task_transitions where task_id = ${TASK} and to_state = 'complete'`,
    /has not ended/,
  ],
  [
    'a complete task whose column says no',
    `update public.tasker_tasks set complete = false where task_id = ${TASK}`,
    /is complete, but its column says no/,
  ],
  [
    'a failed task that could go on',
    `update public.tasker_workflow_steps set attempts = 0 where workflow_step_id = ${someStep(`to_state = 'error'`)}`,
    /has failed, but .* could run/,
  ],
  [
    'columns that do not say complete',
    `update public.tasker_workflow_steps set processed = false where workflow_step_id = ${COMPLETE}`,
    /is complete, but its columns do not say so/,
  ],
  [
    'results of nobody',
    `update public.tasker_workflow_steps set results = '{"execution": "nobody"}' where workflow_step_id = ${COMPLETE}`,
    /completed with the results of nobody/,
  ],
  ['an effect that is lost', `delete from public.chaos_effects`, /with the effects \[\] instead of \[/],
  [
    'an effect that is doubled',
    `insert into public.chaos_effects select * from public.chaos_effects limit 1`,
    /with the effects \[(.+), \1\]/,
  ],
  [
    'a claim that is left',
    `insert into treadle.claims (workflow_step_id, task_id, worker_id, epoch, claimed_at) values (1, 1, 1, 1, now())`,
    /is still claimed/,
  ],
  [
    'a ready step that is left',
    `insert into treadle.ready_steps (workflow_step_id, task_id) values (${COMPLETE}, ${TASK})`,
    /leaves a ready step/,
  ],
  [
    'a gate that is left',
    `insert into treadle.gates (workflow_step_id, task_id, open_parents) values (${COMPLETE}, ${TASK}, 1)`,
    /leaves a gate/,
  ],
  [
    'a wake-up that is left',
    `insert into treadle.wakeups (task_id, run_at, reason) values (${TASK}, now(), 'retry_due')`,
    /leaves a wake-up/,
  ],
  [
    'a deadline that is left',
    `insert into treadle.deadlines (task_id, deadline_at) values (${TASK}, now())`,
    /leaves a deadline/,
  ],
  [
    'a change that nobody looked at',
    `insert into treadle.changed_tasks (task_id) values (${TASK})`,
    /never looked at/,
  ],
])('it finds %s', async (_what, corruption, finding) => {
  const found = await inRolledBackTransaction(home.database, async (tx) => {
    await tx.query(corruption);
    return judge(tx);
  });
  expect(found).toMatch(finding);
});

test('it finds an attempt that ran twice', async () => {
  const [first] = executions;
  if (!first) throw new Error('nothing ran');
  const again = { ...first, execution: 'again' };
  expect(await judge(home.database, [...executions, again])).toMatch(/was claimed 1 times and ran 2 times/);
});

test('it finds an attempt that is recorded and never ran', async () => {
  const all = await judge(home.database, executions.slice(1));
  expect(all).toMatch(/is recorded 1 times and ran 0 times/);
  expect(all).toMatch(/which never ran/);
});

test('it finds a child that read something else than its parent left', async () => {
  const index = executions.findIndex(({ parents }) => Object.keys(parents).length > 0);
  const changed = executions.map((execution, at) =>
    at === index
      ? {
          ...execution,
          parents: Object.fromEntries(Object.keys(execution.parents).map((name) => [name, 'else'])),
        }
      : execution,
  );
  expect(await judge(home.database, changed)).toMatch(/read else of/);
});
