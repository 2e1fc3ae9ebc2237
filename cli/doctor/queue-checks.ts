// Whether the queue takes jobs, and that of the Rails engine where there is one, and how many tasks wait in Postgres for each.
import { pino } from 'pino';
import type { Config } from '../../core/config.ts';
import { TreadleError } from '../../core/errors.ts';
import { queueSchemeOf, shownQueue } from '../../core/queue-url.ts';
import { answered } from '../../engine/health.ts';
import type { QueueAdapter } from '../../engine/queue/adapter.ts';
import { queueOfUrl, railsQueueOfUrl } from '../../engine/queue/queue-of-url.ts';
import type { Database, Executor } from '../../sql/database.ts';
import { hasGraphileWorker } from '../../sql/diagnosis.ts';
import { waitingForRails } from '../../sql/fleet.ts';
import { waitingWakeups, type WaitingWakeups } from '../../sql/tasks.ts';
import { fail, ok, warn, type Check } from './check.ts';

/** A queue that is asked how it is. */
interface Asked {
  readonly check: string;
  readonly variable: 'TREADLE_QUEUE' | 'TREADLE_RAILS_QUEUE';
  readonly url: string;
  readonly open: typeof queueOfUrl;
  readonly waiting: (db: Executor, aheadMs?: number) => Promise<WaitingWakeups>;
}

export async function queueChecks(database: Database, { queue, railsQueue }: Config): Promise<Check[]> {
  const checks = [await ownCheck(database, queue)];
  if (railsQueue === undefined) return checks;
  const rails = { check: 'rails queue', variable: 'TREADLE_RAILS_QUEUE', url: railsQueue } as const;
  checks.push(await askedCheck(database, { ...rails, open: railsQueueOfUrl, waiting: waitingForRails }));
  return checks;
}

async function ownCheck(database: Database, url: string): Promise<Check> {
  const scheme = queueSchemeOf(url);
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
  const own = { check: 'queue', variable: 'TREADLE_QUEUE', url } as const;
  return askedCheck(database, { ...own, open: queueOfUrl, waiting: waitingWakeups });
}

async function askedCheck(database: Database, asked: Asked): Promise<Check> {
  const { check, variable, url } = asked;
  let queue: QueueAdapter;
  try {
    queue = await asked.open(url, { database, log: pino({ level: 'silent' }) });
  } catch (error) {
    if (!(error instanceof TreadleError)) throw error;
    return fail(check, error.message, `Correct ${variable}.`);
  }
  try {
    return await healthCheck(database, asked, queue);
  } finally {
    await queue.stop();
  }
}

async function healthCheck(database: Database, asked: Asked, queue: QueueAdapter): Promise<Check> {
  const { check, variable, url } = asked;
  const { ok: isFine, message } = await answered(queue.health());
  const { waiting } = await asked.waiting(database, queue.longestDelayMs);
  const backlog = waiting === 0 ? '' : `; ${waiting} tasks wait in Postgres to be handed to it`;
  if (isFine) return ok(check, `${message}${backlog}`);
  const advice =
    queueSchemeOf(url) === 'graphile'
      ? 'Look at the tables in the schema graphile_worker.'
      : `Check that its server runs, and ${variable} (${shownQueue(url)}); nothing is lost, engines hand over what waits when it is back.`;
  return fail(check, `${message}${backlog}`, advice);
}
