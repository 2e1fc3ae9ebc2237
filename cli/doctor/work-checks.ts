// Whether work gets done: migrations, queues, live workers, handlers that nobody serves, and what stands still.
import type { Config } from '../../core/config.ts';
import type { Database } from '../../sql/database.ts';
import { listWorkers, stuckWork, type StuckWork } from '../../sql/diagnosis.ts';
import { migrationStatus } from '../../sql/migrate.ts';
import { unservedHandlers } from '../../sql/reports.ts';
import { fail, ok, warn, type Check } from './check.ts';
import { fleetChecks } from './fleet-checks.ts';
import { limitChecks } from './limit-checks.ts';
import { queueChecks } from './queue-checks.ts';

/** Work that has not moved for this long is stuck: recovery looks every few seconds. */
const PATIENCE_SECONDS = 60;
const MOST_LOOKED_AT = 10_000;

export async function migrationCheck(database: Database): Promise<Check> {
  const { pending, applied, unknown, functionsCurrent, adopted } = await migrationStatus(database);
  if (pending.length > 0) {
    const what =
      applied.length === 0 ? 'this database has not been migrated' : `pending: ${pending.join(', ')}`;
    return fail('migrations', what, 'Run "treadle migrate".');
  }
  if (unknown.length > 0) {
    return fail(
      'migrations',
      `a newer Treadle has migrated this database (${unknown.join(', ')})`,
      'Upgrade this one.',
    );
  }
  if (!functionsCurrent)
    return fail('migrations', 'functions and views are those of another version', 'Run "treadle migrate".');
  return ok('migrations', `${applied.length} applied${adopted ? '; the tables belong to a Rails app' : ''}`);
}

export async function workChecks(database: Database, config: Config): Promise<Check[]> {
  const workers = await workerCheck(database);
  return [
    ...(await queueChecks(database, config)),
    workers,
    await handlerCheck(database),
    ...(await limitChecks(database)),
    ...(await fleetChecks(database)),
    ...(await stuckChecks(database)),
  ];
}

async function workerCheck(database: Database): Promise<Check> {
  const alive = (await listWorkers(database)).filter((worker) => worker.alive);
  if (alive.length === 0) {
    return warn(
      'workers',
      'no engine is running: tasks wait',
      'Start one: "treadle start", or "treadle dev".',
    );
  }
  const capacity = alive.reduce((sum, worker) => sum + worker.capacity, 0);
  const busy = alive.reduce((sum, worker) => sum + worker.claims, 0);
  return ok(
    'workers',
    `${alive.length} alive, ${busy} of ${capacity} places busy (${alive
      .slice(0, 3)
      .map(({ name }) => name)
      .join(', ')})`,
  );
}

/** By live processes. */
export async function servedHandlers(database: Database): Promise<ReadonlySet<string>> {
  const alive = (await listWorkers(database)).filter((worker) => worker.alive);
  return new Set(alive.flatMap(({ handlers }) => handlers));
}

async function handlerCheck(database: Database): Promise<Check> {
  const unserved = await unservedHandlers(database);
  if (unserved.length === 0) return ok('handlers', 'every handler that a template names is served');
  const names = unserved.map(({ handler, templates, ready_steps, runtime }) => {
    const where = runtime === null ? '' : `runtime ${runtime}, `;
    const waiting = ready_steps > 0 ? `, ${ready_steps} steps wait for it` : '';
    return `${handler} (${where}${templates.slice(0, 2).join(', ')}${waiting})`;
  });
  const message = `nobody serves ${names.join('; ')}`;
  const advice = unserved.every(({ runtime }) => runtime === null)
    ? 'Start an engine whose app module exports these handlers.'
    : 'Start what serves these handlers in the runtime that templates name: an app module, a worker, or "treadle start --native".';
  const waits = unserved.some(({ ready_steps }) => ready_steps > 0);
  return waits ? fail('handlers', message, advice) : warn('handlers', message, advice);
}

const TROUBLES: Readonly<Record<StuckWork['kind'], readonly [string, string]>> = {
  lost_claims: [
    'steps are held by workers that are gone',
    'A running engine takes them back within seconds: start one.',
  ],
  idle_tasks: [
    'tasks can go on, and nothing would move them',
    'A running engine mends them in its next sweep: start one.',
  ],
  no_handler: [
    'ready steps belong to no template that Treadle knows',
    'Register their template: put it into the templates folder or the app module.',
  ],
  late_wakeups: [
    'tasks wait to be handed to a queue',
    'A running engine does that within seconds: start one.',
  ],
};

async function stuckChecks(database: Database): Promise<Check[]> {
  const found = await stuckWork(database, PATIENCE_SECONDS, MOST_LOOKED_AT);
  if (found.length === 0) return [ok('stuck work', 'nothing stands still')];
  return found.map(({ kind, total, example_task_id }) => {
    const [what, advice] = TROUBLES[kind];
    return warn('stuck work', `${total} ${what}, for example of task ${example_task_id}`, advice);
  });
}
