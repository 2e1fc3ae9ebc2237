// Schedules with every queue outside of Postgres: two engines, the real broker, real foreign workers. The broker is away for some
// ticks and one engine leaves meanwhile; every tick becomes one task, and each of them runs once.
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { parseTemplate } from '../../core/template/template.ts';
import { queueOfUrl } from '../../engine/queue/queue-of-url.ts';
import type { Database } from '../../sql/database.ts';
import { newestCelery, noCelery, superviseCelery } from '../support/celery.ts';
import { eventually, type Work } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { fileEnd } from '../support/file-end.ts';
import { serve } from '../support/grpc-servers.ts';
import { violations } from '../support/invariants.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { noRabbitMq, startRabbitMq, type TestRabbitMq } from '../support/rabbitmq.ts';
import { noRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { noSidekiq, startSidekiq } from '../support/sidekiq.ts';

const TEST_MS = 240_000;
const PATIENCE_MS = 90_000;
const log = pino({ level: 'silent' });
const atEnd = fileEnd();
let redis: TestRedis;
let rabbitMq: TestRabbitMq;
beforeAll(async () => {
  if (noRedis === undefined) redis = await startRedis({ persistent: true, atEnd });
  if (noRabbitMq === undefined) rabbitMq = await startRabbitMq(atEnd);
}, TEST_MS);

interface Place {
  readonly queue: string;
  /** Of both engines. */
  readonly target: string;
}

/** Under a supervisor, as in production: Celery may end when its broker goes. */
const celery =
  (broker: () => { readonly url: string }) =>
  async ({ queue, target }: Place): Promise<void> => {
    const orders = { brokerUrl: broker().url, queue, target, version: newestCelery };
    const worker = await superviseCelery(orders);
    onTestFinished(() => worker.kill());
  };

const sidekiq = ({ queue, target }: Place) => startSidekiq({ redisUrl: redis.url, target, queues: [queue] });

const QUEUES = [
  { name: 'BullMQ', scheme: 'redis+bullmq', broker: () => redis, consume: async () => {}, missing: noRedis },
  { name: 'Sidekiq', scheme: 'sidekiq', broker: () => redis, consume: sidekiq, missing: noSidekiq },
  {
    name: 'Celery over Redis',
    scheme: 'celery+redis',
    broker: () => redis,
    consume: celery(() => redis),
    missing: noRedis ?? noCelery,
  },
  {
    name: 'Celery over RabbitMQ',
    scheme: 'celery+amqp',
    broker: () => rabbitMq,
    consume: celery(() => rabbitMq),
    missing: noRabbitMq ?? noCelery,
  },
];

const report = parseTemplate({
  ...templateOf({ brief: [] }, { name: 'report' }),
  schedule: { cron: '* * * * * *', context: { shop: 1 } },
});

interface Task {
  readonly task_id: number;
  /** In seconds. */
  readonly tick: number;
  readonly complete: boolean;
}

/** In the order of their ticks. */
const tasksOf = (db: Database) =>
  db.query<Task>(
    `select task_id::integer, extract(epoch from requested_at)::integer as tick, coalesce(complete, false) as complete
     from public.tasker_tasks order by requested_at`,
  );

const untilTasks = (db: Database, fit: (tasks: Task[]) => boolean) =>
  eventually(() => tasksOf(db), fit, PATIENCE_MS);

/** Makes everything that the queue was given a minute older: what the broker has lost is handed to it again. */
const A_MINUTE_LATER = `update treadle.wakeups
  set run_at = run_at - interval '1 minute', handed_at = handed_at - interval '1 minute'`;

/** Two engines on a database of their own that note which tasks they run. */
async function world(scheme: string, brokerUrl: string) {
  const { database, drop } = await createTestDatabase();
  onTestFinished(drop);
  const queue = `treadle-${randomBytes(6).toString('hex')}`;
  const ran: number[] = [];
  const brief: Work = ({ task }) => void ran.push(task.task_id);
  const start = async () => {
    const adapter = await queueOfUrl(`${brokerUrl.replace(/^\w+/, scheme)}?queue=${queue}`, {
      database,
      log,
    });
    const engine = { queue: adapter, sweepSeconds: 3600 };
    return serve({ database, templates: [report], works: { brief }, engine });
  };
  const [one, other] = [await start(), await start()];
  return { database, ran, one, place: { queue, target: `${one.address},${other.address}` } };
}

test.for(QUEUES)(
  'with $name every tick becomes one task that runs once, also those of an outage',
  { timeout: TEST_MS },
  async ({ scheme, broker, consume, missing }, { skip }) => {
    skip(missing !== undefined, missing);
    const { database, ran, one, place } = await world(scheme, broker().url);
    await consume(place);
    await untilTasks(database, (tasks) => tasks.filter(({ complete }) => complete).length >= 2);

    await broker().kill();
    const before = (await tasksOf(database)).length;
    const during = (await untilTasks(database, (tasks) => tasks.length >= before + 3)).slice(before);
    expect(during.map(({ complete }) => complete)).toEqual(during.map(() => false));
    await one.engine.stop(); // its server stays, and must send callers to the other
    await broker().restart();
    await untilTasks(database, (tasks) => tasks.length >= before + during.length + 2); // and goes on

    await database.query('select treadle.pause_schedule($1, $2)', ['test/report', 'test']);
    await database.query(A_MINUTE_LATER);
    const tasks = await untilTasks(database, (all) => all.every(({ complete }) => complete));
    const first = tasks[0]?.tick ?? 0;
    expect(tasks.map(({ tick }) => tick - first)).toEqual(tasks.map((_, n) => n));
    expect(ran.toSorted((a, b) => a - b)).toEqual(
      tasks.map(({ task_id }) => task_id).toSorted((a, b) => a - b),
    );
    expect(await violations(database)).toEqual([]);
  },
);
