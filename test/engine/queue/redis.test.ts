// The connection to Redis that all adapters share, on a real redis-server that is stopped, frozen and started again.
import { describe, expect, onTestFinished, test } from 'vitest';
import { openRedis, redisUrl, type RedisLink } from '../../../engine/queue/redis.ts';
import { choosePort } from '../../../sql/server/port.ts';
import { LogBook } from '../../support/logs.ts';
import { noRedis, startRedis } from '../../support/redis.ts';

function linkTo(url: string): { link: RedisLink; book: LogBook } {
  const book = new LogBook();
  const link = openRedis(url, { log: book.log });
  onTestFinished(() => link.close());
  return { link, book };
}

const ping = (link: RedisLink): Promise<string> => link.use((client) => client.ping());

/** Resolves when the server is seen to be back; one round of the event loop between two looks. */
async function answered(link: RedisLink): Promise<void> {
  while ((await link.trouble()) !== undefined) await new Promise(setImmediate);
}

test.each([
  ['redis+bullmq://localhost:6380/2?queue=treadle', 'redis://localhost:6380/2'],
  ['rediss+bullmq://user:p%40ss@queue.example', 'rediss://user:p%40ss@queue.example:6379/0'],
  ['sidekiqs://:secret@queue.example/0?mode=treadle', 'rediss://:secret@queue.example:6379/0'],
  ['celery+redis://[::1]:6379', 'redis://[::1]:6379/0'],
])('the address in %s is %s', (url, plain) => {
  expect(redisUrl(new URL(url))).toBe(plain);
});

test('a path that is no number of a database is refused, and the password is not repeated', () => {
  expect(() => redisUrl(new URL('sidekiq://u:secret@queue.example/jobs'))).toThrow(
    'the path of sidekiq://queue.example/jobs must be the number of a Redis database, such as /0',
  );
});

test('a Redis that is not there is one line with its address, at once', async () => {
  const port = await choosePort('');
  const { link, book } = linkTo(`redis://user:secret@127.0.0.1:${port}/3`);
  const began = performance.now();
  await expect(ping(link)).rejects.toMatchObject({
    code: 'queue_unavailable',
    message: `Redis at redis://127.0.0.1:${port}/3 does not take jobs (connect ECONNREFUSED 127.0.0.1:${port}): is it running, and is it the one that TREADLE_QUEUE or --queue means?`,
  });
  expect(performance.now() - began).toBeLessThan(2400); // less than it waits for an answer
  expect(book.messages(/./)).toEqual([]);
});

describe.skipIf(noRedis)('with a redis-server', () => {
  test('it connects when it is used, and lets go after that unless it is kept', async () => {
    const { link } = linkTo((await startRedis()).url);
    expect(link.client.status).toBe('wait');
    expect(await ping(link)).toBe('PONG');
    await expect.poll(() => link.client.status).toBe('end');
    expect(await ping(link)).toBe('PONG');
    link.keep();
    expect(await ping(link)).toBe('PONG');
    expect(link.client.status).toBe('ready');
  });

  test('it says once that the server is away and once that it is back, and works again', async () => {
    const redis = await startRedis();
    const { link, book } = linkTo(redis.url);
    link.keep();
    await ping(link);
    await redis.kill();
    await book.says(/is away/);
    await expect(ping(link)).rejects.toMatchObject({ code: 'queue_unavailable' });
    expect(await link.trouble()).toMatch(/does not take jobs/);
    await redis.restart();
    await book.says(/is back after/);
    await answered(link);
    expect(book.messages(/./)).toEqual([
      expect.stringContaining('is away ('),
      expect.stringMatching(`^Redis at redis://127.0.0.1:${redis.port}/0 is back after [0-9.]+ s$`),
    ]);
  });

  test('a frozen server is an error within three seconds, and bad health within one', async () => {
    const redis = await startRedis();
    const { link } = linkTo(redis.url);
    link.keep();
    await ping(link);
    redis.freeze();
    onTestFinished(() => redis.thaw());
    const began = performance.now();
    expect(await link.trouble()).toMatch(/no answer within 900 ms/);
    expect(performance.now() - began).toBeLessThan(2400);
    await expect(ping(link)).rejects.toMatchObject({ code: 'queue_unavailable' });
    expect(performance.now() - began).toBeLessThan(9000);
  });

  test('a wrong password is said, and not which', async () => {
    const redis = await startRedis({ password: 'right' });
    const { link } = linkTo(redis.url.replace('right', 'wrong'));
    const error: unknown = await ping(link).catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(/queue_unavailable|WRONGPASS/);
    expect(String(error)).not.toContain('wrong@');
    expect(await ping(linkTo(redis.url).link)).toBe('PONG');
  });

  test('clients that block wait for a server that restarts', async () => {
    const redis = await startRedis({ persistent: true });
    const { link } = linkTo(redis.url);
    link.keep();
    const blocking = link.blockingClient();
    onTestFinished(() => blocking.disconnect());
    await blocking.ping();
    const popped = blocking.blpop('jobs', 0);
    await redis.restart();
    await link.use((client) => client.rpush('jobs', 'one'));
    expect(await popped).toEqual(['jobs', 'one']);
  });
});
