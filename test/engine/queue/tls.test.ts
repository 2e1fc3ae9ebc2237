// TLS to queues, seen from the adapters: what a URL may say of it, certificates of our own for servers that ask for one, and
// servers that speak no TLS. What whole tasks do over TLS is in test/stories/queue-tls.test.ts.
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import type { QueueAdapter } from '../../../engine/queue/adapter.ts';
import { queueOfUrl } from '../../../engine/queue/queue-of-url.ts';
import { jobFor } from '../../../engine/queue/trial.ts';
import { newAuthority } from '../../support/certificates.ts';
import { testDatabase } from '../../support/postgres.ts';
import { noRabbitMq, startRabbitMq } from '../../support/rabbitmq.ts';
import { noRedis, startRedis } from '../../support/redis.ts';

const home = testDatabase();
const authority = newAuthority();
const { cert: ca } = authority.files;

async function queueAt(url: string, options: Record<string, string> = {}): Promise<QueueAdapter> {
  const given = { database: home.database, log: pino({ level: 'silent' }) };
  const queue = await queueOfUrl(`${url}?${new URLSearchParams(options).toString()}`, given);
  onTestFinished(() => queue.stop());
  return queue;
}

const WITH_TLS = ['rediss+bullmq', 'sidekiqs', 'celery+rediss', 'celery+amqps'] as const;

test.each(WITH_TLS)('%s takes an authority, and a certificate with its key', async (scheme) => {
  const { cert, key } = authority.sign('client');
  const options = { tls_ca: ca, tls_cert: cert, tls_key: key };
  expect(await queueAt(`${scheme}://localhost`, options)).toHaveProperty('name');
});

test.each([
  ['redis+bullmq', 'rediss+bullmq'],
  ['sidekiq', 'sidekiqs'],
  ['celery+redis', 'celery+rediss'],
  ['celery+amqp', 'celery+amqps'],
])('%s is not encrypted, so that naming an authority is refused and %s advised', async (scheme, advised) => {
  await expect(queueAt(`${scheme}://u:secret@host`, { tls_ca: ca })).rejects.toMatchObject({
    code: 'invalid_config',
    message: `queue ${scheme}://host: expected a scheme with TLS beside tls_ca, such as ${advised}://`,
  });
});

const missing = join(authority.folder, 'missing.pem');
test.each([
  [{ tls_cert: ca }, 'HEAD: expected tls_cert and tls_key together, came one of them'],
  [
    { tls_ca: missing },
    `TLS of the queue: expected a file in PEM, came ${missing}, which cannot be read (ENOENT)`,
  ],
  [{ tls_cert: authority.files.key, tls_key: ca }, 'TLS of the queue: expected files in PEM, came '],
])('of files that cannot be, %o, one line says which', async (options, expected) => {
  for (const scheme of WITH_TLS) {
    const refused = await queueAt(`${scheme}://u:secret@host`, options).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'invalid_config' });
    const { message } = refused as Error;
    expect(message).toContain(expected.replace('HEAD', `queue ${scheme}://host`));
    expect(message).not.toMatch(/secret|\n/);
  }
});

const REDIS_SCHEMES = ['rediss+bullmq', 'sidekiqs', 'celery+rediss'];

test.skipIf(noRedis)('a Redis that asks for certificates gets ours, and refuses who shows none', async () => {
  const redis = await startRedis({ tls: authority.sign('server'), clientCa: ca });
  const { cert, key } = authority.sign('client');
  for (const scheme of REDIS_SCHEMES) {
    const url = redis.url.replace('rediss:', `${scheme}:`);
    const shown = await queueAt(url, { tls_ca: ca, tls_cert: cert, tls_key: key });
    await shown.install();
    await shown.enqueue([jobFor(1)]);
    const bare = await queueAt(url, { tls_ca: ca });
    await expect(bare.install()).rejects.toMatchObject({ code: 'queue_unavailable' });
  }
});

test.skipIf(noRabbitMq)('a RabbitMQ without TLS at the other end is said to be that', async () => {
  const { url } = await startRabbitMq(onTestFinished);
  const queue = await queueAt(`celery+${url.replace('amqp:', 'amqps:')}`);
  await expect(queue.install()).rejects.toThrow(
    /^RabbitMQ at \S+ does not take jobs \(it speaks no TLS at this port\)/,
  );
});
