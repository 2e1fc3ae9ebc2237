// A Rails application with the gem tasker-engine, before Treadle comes: its folder (test/data/rails-shop, copied), and its database with
// orders in the states that a year of production leaves.
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Database } from '../../sql/database.ts';
import type { TestDatabase } from './postgres.ts';
import { createRailsDatabase, loadTask, reached } from './rails-database.ts';

/** The folder of the gem treadle. */
export const GEM = resolve('bindings', 'ruby');
const BUNDLER = `exec ruby -e 'load Gem.bin_path("bundler", "bundle")' --`;
const DONE = { processed: true, attempts: 1, ...reached('complete') };
const FAILED = { attempts: 3, last_attempted_ago: 6800, ...reached('error') };
const STEPS = ['validate_cart', 'charge_card', 'send_receipt'] as const;

type Steps = readonly Parameters<typeof loadTask>[2][];

/** What Rails has left: the state of the task, and of its three steps. */
const ORDERS: readonly (readonly [state: string | undefined, card: string, steps: Steps])[] = [
  ['complete', 'visa', [DONE, DONE, DONE]],
  ['complete', 'visa', [DONE, DONE, DONE]],
  ['error', 'stolen', [DONE, FAILED, {}]],
  ['pending', 'visa', [DONE, { ...FAILED, attempts: 1 }, {}]], // failed once, and never retried
  [undefined, 'visa', [{}, {}, {}]], // its job was lost
  ['in_progress', 'visa', [DONE, { in_process: true, ...reached('in_progress') }, {}]], // its worker was killed
];

/** The caller drops it. */
export async function createShopDatabase(): Promise<TestDatabase> {
  const home = await createRailsDatabase();
  for (const [index, [state, card, steps]] of ORDERS.entries()) {
    const named = steps.map((step, place) => ({ key: STEPS[place] ?? '', ...step }));
    const { taskId } = await loadTask(home.database, state, ...named);
    await placeOrder(home.database, taskId, { order_id: index + 1, total_cents: 4990, card });
  }
  await home.database.query(`update tasker_task_namespaces set name = 'shop'`);
  await home.database.query(`update tasker_named_tasks set name = 'checkout'`);
  await home.database.query(`update tasker_dependent_systems set name = 'shop'`);
  await home.database.query(
    `insert into tasker_named_tasks_named_steps (named_task_id, named_step_id, created_at, updated_at)
     select named_task_id, named_step_id, now(), now() from tasker_named_tasks, tasker_named_steps`,
  );
  return home;
}

async function placeOrder(db: Database, taskId: number, context: object): Promise<void> {
  await db.query(
    `update tasker_tasks
     set context = $2, initiator = 'web', complete = exists (
       select from tasker_task_transitions where task_id = $1 and to_state = 'complete'
     )
     where task_id = $1`,
    [taskId, JSON.stringify(context)],
  );
  await db.query(
    `update tasker_workflow_steps s
     set results = case t.to_state
       when 'complete' then '{"total_cents": 4990}'
       when 'error' then '{"error": "the card is stolen", "error_class": "Tasker::PermanentError"}'
     end::jsonb
     from tasker_workflow_step_transitions t
     where s.task_id = $1 and t.workflow_step_id = s.workflow_step_id and t.most_recent`,
    [taskId],
  );
}

export interface ShopApp {
  readonly folder: string;
  /** Before all else in PATH: what the package managers would have made of `npm install treadle` and `bundle install`. */
  readonly path: string;
}

/** Its folder, anew, inside of the project, so that npm's packages are found. */
export function createShopApp(name: string): ShopApp {
  const folder = resolve('.treadle', 'test', name);
  const bin = join(folder, 'tmp', 'bin');
  rmSync(folder, { recursive: true, force: true });
  cpSync(resolve('test', 'data', 'rails-shop'), folder, { recursive: true });
  mkdirSync(bin, { recursive: true });
  program(bin, 'npx', 'exec "$@"');
  program(bin, 'npm', 'test "$*" = "install treadle"'); // it is there: below
  symlinkSync(resolve('bin', 'treadle.js'), join(bin, 'treadle'));
  program(bin, 'bundle', `[ "$1" = install ] && set -- lock --local\n${BUNDLER} "$@"`); // Debian has installed its gems
  return { folder, path: bin };
}

function program(folder: string, name: string, line: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${line}\n`);
  chmodSync(join(folder, name), 0o755);
}
