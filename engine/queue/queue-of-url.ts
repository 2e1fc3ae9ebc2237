// Which queue a line of configuration means: `redis+bullmq://localhost:6379/0?queue=treadle`. An adapter is loaded where it is
// asked for, as the libraries of most of them are optional. Nothing that is said here shows a password.
import type { Logger } from 'pino';
import { TreadleError } from '../../core/errors.ts';
import { QUEUE_FORMS, queueSchemeOf, shownQueue, type QueueScheme } from '../../core/queue-url.ts';
import type { Database } from '../../sql/database.ts';
import type { QueueAdapter } from './adapter.ts';
import { GraphileWorkerQueue } from './graphile-worker.ts';
import { InMemoryQueue } from './in-memory.ts';

export interface QueueSurroundings {
  readonly database: Database;
  readonly log: Logger;
}

type Load = (url: URL, given: QueueSurroundings) => Promise<QueueAdapter> | QueueAdapter;

const bullMq: Load = async (url, given) => (await import('./bullmq.ts')).bullMqQueueOf(url, given);
const sidekiq: Load = async (url, given) => (await import('./sidekiq/sidekiq.ts')).sidekiqQueueOf(url, given);
const celery: Load = async (url, given) => (await import('./celery/celery.ts')).celeryQueueOf(url, given);

/** Of a queue that needs no address there is nothing to say. */
function plain(url: URL): void {
  if (url.host === '' && /^\/*$/.test(url.pathname) && url.search === '') return;
  throw new TreadleError('invalid_config', `queue: expected ${url.protocol}// and nothing more`);
}

const LOAD: Readonly<Record<QueueScheme, Load>> = {
  graphile: (url, { database, log }) => {
    plain(url);
    return new GraphileWorkerQueue({ database, log });
  },
  memory: (url) => {
    plain(url);
    return new InMemoryQueue();
  },
  'redis+bullmq': bullMq,
  'rediss+bullmq': bullMq,
  sidekiq,
  sidekiqs: sidekiq,
  'celery+redis': celery,
  'celery+rediss': celery,
  'celery+amqp': celery,
  'celery+amqps': celery,
};

/** What to install for each, beside treadle. */
const LIBRARIES: Partial<Readonly<Record<QueueScheme, string>>> = {
  'redis+bullmq': 'bullmq and ioredis',
  'rediss+bullmq': 'bullmq and ioredis',
  sidekiq: 'ioredis',
  sidekiqs: 'ioredis',
  'celery+redis': 'ioredis',
  'celery+rediss': 'ioredis',
  'celery+amqp': 'amqplib',
  'celery+amqps': 'amqplib',
};

/**
 * The adapter of a URL, or of one of the old names `graphile-worker` and `in-memory`. It has not spoken to its server yet.
 * @throws TreadleError `invalid_config`: an unknown scheme or option, or a library that is not installed
 */
export async function queueOfUrl(text: string, given: QueueSurroundings): Promise<QueueAdapter> {
  const scheme = queueSchemeOf(text);
  if (scheme === undefined) {
    throw new TreadleError('invalid_config', `queue: expected ${QUEUE_FORMS}, came ${shownQueue(text)}`);
  }
  try {
    return await LOAD[scheme](new URL(URL.canParse(text) ? text : `${scheme}://`), given);
  } catch (error) {
    if (!isMissingModule(error)) throw error;
    throw new TreadleError(
      'invalid_config',
      `queue ${shownQueue(text)}: expected ${LIBRARIES[scheme]} beside treadle, came none of it: npm install ${LIBRARIES[scheme]?.replace(' and', '')}`,
      { cause: error },
    );
  }
}

/**
 * The queue of the Rails engine: a Sidekiq whose jobs are Tasker::TaskRunnerJob.
 * @throws TreadleError `invalid_config`, also for any other queue: its jobs would not reach the Rails engine
 */
export async function railsQueueOfUrl(text: string, given: QueueSurroundings): Promise<QueueAdapter> {
  const scheme = queueSchemeOf(text);
  const isSidekiq = scheme === 'sidekiq' || scheme === 'sidekiqs';
  if (!isSidekiq || new URL(text).searchParams.get('mode') !== 'tasker') {
    throw new TreadleError(
      'invalid_config',
      `queue of the Rails engine: expected a URL like sidekiq://host:6379/0?mode=tasker, came ${shownQueue(text)}`,
    );
  }
  return queueOfUrl(text, given);
}

function isMissingModule(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
}
