// The queues: what this machine must have for each, the server that it gets for itself, its bare way, and the worker process
// of those that are not consumed in Node.
import { join } from 'node:path';
import { rabbitmqServer, redisServer } from '../../scripts/services.ts';
import { python, sidekiq } from '../../scripts/toolchains.ts';
import type { Database } from '../../sql/database.ts';
import type { QueueAdapter } from '../../engine/queue/adapter.ts';
import { withRedis } from '../peers/redis.ts';
import { bareBullMq, bareGraphile } from './bare.ts';
import type { OpenWay } from './way.ts';
import { foreignBareWay, type StartWorker } from './ways.ts';
import { WorkerProcess } from './worker-process.ts';

const HERE = import.meta.dirname;
const RUBY_LIBRARY = join(HERE, '..', '..', 'bindings', 'ruby', 'lib');

/** What a run has of its own: the server of the queue (empty for queues in Postgres), and a database. */
export interface Place {
  readonly url: string;
  readonly database: Database;
}

export interface Subject {
  readonly name: string;
  /** As TREADLE_QUEUE. */
  readonly queueUrl: (url: string) => string;
  /** Runs `work` with the URL of a server that is fresh, and removes it whatever happens. */
  readonly withServer: <Result>(work: (url: string) => Promise<Result>) => Promise<Result>;
  readonly bare: (place: Place, queue: () => Promise<QueueAdapter>) => Promise<OpenWay>;
  readonly startWorker: (place: Place) => StartWorker | undefined;
}

export interface Subjects {
  readonly present: readonly Subject[];
  /** In one line each: what is left out, and what a person can do. */
  readonly missing: readonly string[];
}

/** Those that this machine can run. Nothing is installed but the virtual environment of Python. */
export async function subjects(): Promise<Subjects> {
  const [redis, rabbitmq, forRuby, forPython] = [
    await redisServer(),
    await rabbitmqServer(),
    await sidekiq(),
    await python(),
  ];
  const ruby = forRuby.ok ? forRuby.ruby : '';
  const program = forPython.ok ? forPython.python : '';
  const wanted = [
    { subject: graphile, needs: [] },
    { subject: bullMq, needs: [redis] },
    { subject: sidekiqOf(ruby), needs: [redis, forRuby] },
    { subject: celeryOf(program, 'redis', withRedisServer), needs: [redis, forPython] },
    { subject: celeryOf(program, 'amqp', withRabbitMq), needs: [rabbitmq, forPython] },
  ];
  const missing = wanted.flatMap(({ subject, needs }) => {
    const whys = needs.flatMap((need) => (need.ok ? [] : [need.why]));
    return whys.length === 0 ? [] : [`${subject.name}: ${whys.join('; ')}`];
  });
  const present = wanted.filter(({ needs }) => needs.every(({ ok }) => ok)).map(({ subject }) => subject);
  return { present, missing };
}

const graphile: Subject = {
  name: 'graphile-worker',
  queueUrl: () => 'graphile://',
  withServer: (work) => work(''),
  bare: async ({ database }) => bareGraphile(database.url),
  startWorker: () => undefined,
};

const bullMq: Subject = {
  name: 'BullMQ',
  queueUrl: (url) => `${url.replace(/^redis:/, 'redis+bullmq:')}/0`,
  withServer: withRedisServer,
  bare: async ({ url }) => bareBullMq(url),
  startWorker: () => undefined,
};

function sidekiqOf(ruby: string): Subject {
  const command = [ruby, '-S', 'sidekiq', '-r', join(HERE, 'noop.rb'), '-c', '10', '-q', 'default'];
  const start = ({ url }: Place, more: Record<string, string>, onRan: (id: number) => void) =>
    WorkerProcess.start({ command, onRan, environment: { RUBYLIB: RUBY_LIBRARY, REDIS_URL: url, ...more } });
  return {
    name: 'Sidekiq',
    queueUrl: (url) => `${url.replace(/^redis:/, 'sidekiq:')}/0`,
    withServer: withRedisServer,
    ...foreign(start),
  };
}

function celeryOf(program: string, broker: 'redis' | 'amqp', withServer: Subject['withServer']): Subject {
  const flags = ['-c', '2', '--without-gossip', '--without-mingle', '--loglevel', 'warning'];
  const command = [program, '-m', 'celery', '-A', 'noop_celery', 'worker', ...flags];
  const environment = { PYTHONPATH: HERE, PYTHONDONTWRITEBYTECODE: '1' };
  const start = ({ url }: Place, more: Record<string, string>, onRan: (id: number) => void) =>
    WorkerProcess.start({ command, onRan, environment: { ...environment, BROKER_URL: url, ...more } });
  return {
    name: broker === 'redis' ? 'Celery, Redis' : 'Celery, RabbitMQ',
    queueUrl: (url) => `celery+${url}`,
    withServer,
    ...foreign(start),
  };
}

type Start = (
  place: Place,
  environment: Record<string, string>,
  onRan: (id: number) => void,
) => Promise<WorkerProcess>;

function foreign(start: Start): Pick<Subject, 'bare' | 'startWorker'> {
  return {
    bare: async (place, queue) =>
      foreignBareWay(await queue(), (onRan) => start(place, { BARE: '1' }, onRan)),
    startWorker: (place) => (target) => start(place, { TREADLE_TARGET: target }, () => {}),
  };
}

function withRedisServer<Result>(work: (url: string) => Promise<Result>): Promise<Result> {
  return withRedis('everysec', work);
}

/** Loaded late: its module looks for the server, and is loud when there is none. */
async function withRabbitMq<Result>(work: (url: string) => Promise<Result>): Promise<Result> {
  const { startRabbitMq } = await import('../../test/support/rabbitmq.ts');
  const ends: (() => Promise<void>)[] = [];
  try {
    const { url } = await startRabbitMq((end) => ends.push(end));
    return await work(url);
  } finally {
    for (const end of ends) await end();
  }
}
