// Whether work gets done: migrations, the queue, live workers, handlers that nobody serves, and what stands still.
import { pino } from 'pino';
import type { Config } from '../../core/config.ts';
import { TreadleError } from '../../core/errors.ts';
import { queueSchemeOf, shownQueue } from '../../core/queue-url.ts';
import { answered } from '../../engine/health.ts';
import type { QueueAdapter } from '../../engine/queue/adapter.ts';
import { queueOfUrl } from '../../engine/queue/queue-of-url.ts';
import type { Database } from '../../sql/database.ts';
import { hasGraphileWorker, listWorkers, stuckWork, type StuckWork } from '../../sql/diagnosis.ts';
import { migrationStatus } from '../../sql/migrate.ts';
import { unservedHandlers } from '../../sql/reports.ts';
import { waitingWakeups } from '../../sql/tasks.ts';
import { fail, ok, warn, type Check } from './check.ts';
import { fleetChecks } from './fleet-checks.ts';
import { limitChecks } from './limit-checks.ts';

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
    await queueCheck(database, config),
    workers,
    await handlerCheck(database),
    ...(await limitChecks(database)),
    ...(await fleetChecks(database)),
    ...(await stuckChecks(database)),
  ];
}

async function queueCheck(database: Database, config: Config): Promise<Check> {
  const scheme = queueSchemeOf(config.queue);
  if (scheme === 'memory') {
    return ok('queue', 'in memory of each engine; what was on its way is found again when one starts');
  }
  if (scheme === 'graphile' && !(await hasGraphileWorker(database))) {
    return warn(
      'queue',
      'graphile-worker is not installed in this database',
      'The first "treadle start" or "treadle dev" installs it.',
    );
  }
  return queueHealth(database, config.queue, scheme === 'graphile');
}

async function queueHealth(database: Database, url: string, isOurs: boolean): Promise<Check> {
  let queue: QueueAdapter;
  try {
    queue = await queueOfUrl(url, { database, log: pino({ level: 'silent' }) });
  } catch (error) {
    if (!(error instanceof TreadleError)) throw error;
    return fail('queue', error.message, 'Correct TREADLE_QUEUE.');
  }
  try {
    const { ok: isFine, message } = await answered(queue.health());
    const { waiting } = await waitingWakeups(database, queue.longestDelayMs);
    const backlog = waiting === 0 ? '' : `; ${waiting} tasks wait in Postgres to be handed to it`;
    if (isFine) return ok('queue', `${message}${backlog}`);
    const advice = isOurs
      ? 'Look at the tables in the schema graphile_worker.'
      : `Check that its server runs, and TREADLE_QUEUE (${shownQueue(url)}); nothing is lost, engines hand over what waits when it is back.`;
    return fail('queue', `${message}${backlog}`, advice);
  } finally {
    await queue.stop();
  }
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
  const names = unserved.map(({ handler, templates, ready_steps }) => {
    const waiting = ready_steps > 0 ? `, ${ready_steps} steps wait for it` : '';
    return `${handler} (${templates.slice(0, 2).join(', ')}${waiting})`;
  });
  const message = `nobody serves ${names.join('; ')}`;
  const advice = 'Start an engine whose app module exports these handlers.';
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
