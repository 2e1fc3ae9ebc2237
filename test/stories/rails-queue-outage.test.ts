// The Redis of the Rails engine's Sidekiq dies under an engine that hands tasks to it: Treadle's own queue goes on, health,
// /health/ready and "treadle doctor" say what is away and how many tasks wait, and nothing is lost.
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { HttpServer } from '../../bindings/http/server.ts';
import { railsQueueOfUrl } from '../../engine/queue/queue-of-url.ts';
import { treadle } from '../support/cli.ts';
import { create, eventually, runToEnd, startEngine } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { LogBook } from '../support/logs.ts';
import { testDatabase } from '../support/postgres.ts';
import { noRedis, startRedis } from '../support/redis.ts';

const home = testDatabase();
const works = { only: () => 1 };

/** An engine with one named task for Rails and one of its own. */
async function world() {
  const redis = await startRedis({ persistent: true });
  const url = `${redis.url.replace('redis:', 'sidekiq:')}?mode=tasker`;
  const [book, forRails, own] = [new LogBook(), templateOf({ only: [] }), templateOf({ only: [] })];
  const railsQueue = await railsQueueOfUrl(url, { database: home.database, log: book.log });
  const [templates, database] = [[forRails, own], home.database];
  const engine = await startEngine({ database, templates, works, railsQueue, log: book.log });
  await engine.fleet.choose({ subject: `${forRails.namespace_name}/${forRails.name}`, engine: 'rails' });
  return { redis, url, book, forRails, own, engine };
}

async function readyAt(engine: Awaited<ReturnType<typeof startEngine>>): Promise<() => Promise<unknown>> {
  const server = new HttpServer({ engine, database: home.database, listen: '127.0.0.1:0' });
  onTestFinished(() => server.stop());
  const url = await server.start();
  return async () => (await fetch(`${url}/health/ready`)).json();
}

async function doctorSays(railsQueue: string): Promise<unknown> {
  const env = { TREADLE_RAILS_QUEUE: railsQueue };
  const { stdout } = await treadle(['doctor', '--json'], { url: home.url, env });
  const { checks } = JSON.parse(stdout) as { checks: { name: string }[] };
  return checks.find(({ name }) => name === 'rails queue');
}

describe.skipIf(noRedis)('the queue of the Rails engine', () => {
  test('that dies is said wherever health is asked, holds up nothing of our own, and loses no task', async () => {
    const { redis, url, book, forRails, own, engine } = await world();
    const ready = await readyAt(engine);
    expect(await engine.health()).toMatchObject({ status: 'ok', railsQueue: { ok: true, waiting: 0 } });
    expect(await ready()).toMatchObject({ checks: { rails_queue: { status: 'healthy' } }, message: 'ready' });
    expect(await doctorSays(url)).toMatchObject({ status: 'ok' });

    await redis.kill();
    await book.says(/is away/);
    await create(engine, forRails);
    const away = { ok: false, waiting: 1, message: expect.stringContaining('does not take jobs') as string };
    expect(await engine.health()).toMatchObject({
      status: 'degraded',
      queue: { ok: true },
      railsQueue: away,
    });
    const unhealthy = { status: 'unhealthy', message: away.message };
    const message = expect.stringMatching(/^degraded: Redis at /) as string;
    expect(await ready()).toMatchObject({ ready: true, checks: { rails_queue: unhealthy }, message });
    expect(await doctorSays(url)).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('; 1 tasks wait in Postgres to be handed to it') as string,
    });
    expect((await runToEnd(engine, own)).state).toBe('complete');

    await redis.restart();
    await eventually(() => engine.health(), ({ ok, railsQueue }) => ok && railsQueue?.waiting === 0); // prettier-ignore
    expect(await jobsIn(redis.url)).toBe(1);
  });

  test('is not spoken of where there is none', async () => {
    const engine = await startEngine({ database: home.database, works });
    expect(await engine.health()).not.toHaveProperty('railsQueue');
    expect(await (await readyAt(engine))()).not.toHaveProperty('checks.rails_queue');
  });

  test('whose jobs would not reach the Rails engine is refused by the doctor in one line', async () => {
    expect(await doctorSays('sidekiq://u:secret@h/0')).toEqual({
      name: 'rails queue',
      status: 'fail',
      message:
        'queue of the Rails engine: expected a URL like sidekiq://host:6379/0?mode=tasker, came sidekiq://h/0',
      advice: 'Correct TREADLE_RAILS_QUEUE.',
    });
  });
});

async function jobsIn(url: string): Promise<number> {
  const redis = new Redis(url);
  return redis.llen('queue:default').finally(() => redis.disconnect());
}
