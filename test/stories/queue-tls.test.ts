// Queues whose servers speak TLS with certificates of a private authority, as teams have them: real brokers, real foreign
// workers, whole tasks. A server that shows the certificate of another authority is refused in one line.
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { QueueAdapter } from '../../engine/queue/adapter.ts';
import { queueOfUrl } from '../../engine/queue/queue-of-url.ts';
import { newestCelery, noCelery, startCelery } from '../support/celery.ts';
import { newAuthority } from '../support/certificates.ts';
import { create, type Works } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { fileEnd } from '../support/file-end.ts';
import { serve } from '../support/grpc-servers.ts';
import { testDatabase } from '../support/postgres.ts';
import { noRabbitMq, startRabbitMq, type TestRabbitMq } from '../support/rabbitmq.ts';
import { noRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { noSidekiq, startSidekiq } from '../support/sidekiq.ts';

const START_MS = 120_000;
const home = testDatabase();
const given = () => ({ database: home.database, log: pino({ level: 'silent' }) });
const [ours, theirs] = [newAuthority(), newAuthority()];
const server = ours.sign('server');
const works: Works = { pack: () => 'packed', ship: () => 'shipped' };
const atEnd = fileEnd();
let redis: TestRedis;
let rabbitMq: TestRabbitMq;
beforeAll(async () => {
  if (noRedis === undefined) redis = await startRedis({ tls: server, atEnd });
  if (noRabbitMq === undefined)
    rabbitMq = await startRabbitMq(atEnd, { tls: { ...server, ca: ours.files.cert } });
}, START_MS);

const redisAs = (scheme: string) => () => redis.url.replace('rediss:', `${scheme}:`);
const name = `treadle-${randomBytes(6).toString('hex')}`;

/** Who runs what the queue was given, beside the engine at `target`. BullMQ needs nobody. */
type Worker = (target: string) => Promise<unknown>;

const sidekiqWorker: Worker = (target) => {
  const env = { REDIS_CA: ours.files.cert };
  return startSidekiq({ redisUrl: redis.url, target, queues: [name], file: 'tls.rb', env });
};

const celeryWorker =
  (brokerUrl: () => string, useSsl: Record<string, unknown>): Worker =>
  async (target) => {
    const orders = { brokerUrl: brokerUrl(), queue: name, target, version: newestCelery, useSsl };
    const worker = await startCelery(orders);
    onTestFinished(() => worker.kill());
  };

const QUEUES = [
  { scheme: 'rediss+bullmq', missing: noRedis, url: redisAs('rediss+bullmq'), worker: async () => {} },
  { scheme: 'sidekiqs', missing: noSidekiq, url: redisAs('sidekiqs'), worker: sidekiqWorker },
  {
    scheme: 'celery+rediss',
    missing: noRedis ?? noCelery,
    url: redisAs('celery+rediss'),
    worker: celeryWorker(() => redis.url, { ssl_cert_reqs: 'required', ssl_ca_certs: ours.files.cert }),
  },
  {
    scheme: 'celery+amqps',
    missing: noRabbitMq ?? noCelery,
    url: () => `celery+${rabbitMq.url}`,
    worker: celeryWorker(() => rabbitMq.url, { cert_reqs: 2, ca_certs: ours.files.cert }), // ssl.CERT_REQUIRED
  },
];

async function queueAt(url: string, options: Record<string, string>): Promise<QueueAdapter> {
  const query = new URLSearchParams({ queue: name, ...options }).toString();
  const queue = await queueOfUrl(`${url}?${query}`, given());
  onTestFinished(() => queue.stop());
  return queue;
}

describe.each(QUEUES)('$scheme', ({ missing, url, worker }) => {
  test.skipIf(missing)(
    'brings tasks back when tls_ca names the authority',
    { timeout: START_MS },
    async () => {
      const template = templateOf({ pack: [], ship: ['pack'] });
      const queue = await queueAt(url(), { tls_ca: ours.files.cert });
      const engine = { queue, sweepSeconds: 3600 };
      const served = await serve({ database: home.database, templates: [template], works, engine });
      await worker(served.address);
      const taskIds = await Promise.all(Array.from({ length: 5 }, () => create(served.engine, template)));
      const states = await Promise.all(taskIds.map((taskId) => served.engine.waitForTask(taskId)));
      expect(new Set(states)).toEqual(new Set(['complete']));
      expect(await served.engine.health()).toMatchObject({ status: 'ok' });
    },
  );

  test.skipIf(missing).each([
    ['of another authority', { tls_ca: theirs.files.cert }],
    ['of an authority that Node does not know', {}],
  ])('refuses a server %s in one line that says what to look at', async (_which, options) => {
    const queue = await queueAt(url(), options);
    const refused = await queue.install().catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'queue_unavailable' });
    const advice =
      /^\w+ at \w+:\/\/127\.0\.0\.1:\S+ does not take jobs \([^\n]*certificate[^\n]*\): is its certificate for this host, and signed by the authority in tls_ca[^\n]*$/;
    expect((await queue.health()).message.replace(/^bullmq: /, '')).toMatch(advice);
  });
});
