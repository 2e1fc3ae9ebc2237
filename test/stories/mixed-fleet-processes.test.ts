// Mixed fleets with real processes: the Sidekiq of a Rails app that an engine hands tasks to, and an engine that is killed in
// the middle of a switch.
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { railsQueueOfUrl } from '../../engine/queue/queue-of-url.ts';
import { chooseEngine } from '../../sql/fleet.ts';
import { create, eventually, startEngine } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { startRedis } from '../support/redis.ts';
import { noSidekiq, startSidekiq } from '../support/sidekiq.ts';
import {
  fleetStep,
  fleetTemplate,
  makeFleetLog,
  noTasker,
  startTasker,
  untilComplete,
  workOf,
} from '../support/tasker.ts';
import { statesThrough } from '../support/trail.ts';
import { startWorker } from '../support/workers.ts';

const home = testDatabase();
const log = pino({ level: 'silent' });
beforeAll(() => makeFleetLog(home.database));

/** An engine that hands tasks for Rails to a Sidekiq of its own. */
async function world() {
  const { url: redisUrl } = await startRedis();
  const url = `${redisUrl.replace('redis:', 'sidekiq:')}?mode=tasker&format=6`;
  const railsQueue = await railsQueueOfUrl(url, { database: home.database, log });
  const template = fleetTemplate();
  const works = { fleet_step: fleetStep(home.database) };
  const engine = await startEngine({ database: home.url, templates: [template], works, railsQueue });
  return { redisUrl, template, engine, subject: `fleet/${template.name}` };
}

const startApp = (redisUrl: string) =>
  startSidekiq({
    redisUrl,
    file: 'tasker_app.rb',
    concurrency: 5,
    env: { DATABASE_URL: home.url, GUARD: '1' },
  });

test.skipIf(noSidekiq)('an engine hands tasks to the Sidekiq of Rails, which runs their steps', async () => {
  const { redisUrl, template, engine, subject } = await world();
  await engine.fleet.choose({ subject, engine: 'rails' });
  await startApp(redisUrl);
  const tasks = [await create(engine, template), await create(engine, template)];
  await untilComplete(home.database, tasks);
  expect(await workOf(home.database, tasks)).toEqual({ rails: 8, treadle: 0, twice: 0 });
  expect(await violations(home.database, tasks)).toEqual([]);
});

test.skipIf(noSidekiq)(
  'jobs that were in Sidekiq when the choice was switched back run nothing',
  async () => {
    const { redisUrl, template, engine, subject } = await world();
    await engine.fleet.choose({ subject, engine: 'rails' });
    const tasks = [await create(engine, template), await create(engine, template)];
    const redis = new Redis(redisUrl);
    onTestFinished(() => redis.disconnect());
    await eventually(
      () => redis.llen('queue:default'),
      (jobs) => jobs === 2,
    );
    await engine.fleet.choose({ subject, engine: 'treadle' });
    const app = await startApp(redisUrl);
    await app.says(
      new RegExp(`task ${tasks[1] ?? 0} runs in Treadle; Tasker::TaskRunnerJob leaves it alone`),
    );
    await untilComplete(home.database, tasks);
    expect(await workOf(home.database, tasks)).toEqual({ rails: 0, treadle: 8, twice: 0 });
  },
);

test.skipIf(noTasker)(
  'what a killed engine had begun is given back and goes to Rails with the rest',
  async () => {
    const template = templateOf({ stuck: [], after: ['stuck'] }, { each: { handler_class: 'stuckOnce' } });
    const orders = { url: home.url, templates: [template], leaseSeconds: 2 };
    const engine = await startWorker(orders);
    const creator = await startEngine({ database: home.url, works: {}, concurrency: 1 });
    const taskId = await create(creator, template);
    await engine.begins('stuck');
    await chooseEngine(home.database, { subject: `test/${template.name}`, engine: 'rails' }, { by: 'ann' });
    engine.kill('SIGKILL');
    await startTasker({ url: home.url });
    await untilComplete(home.database, [taskId]);
    expect(await statesThrough(home.database, 'task', taskId)).toEqual([
      'in_progress',
      'pending',
      'in_progress',
      'complete',
    ]);
    expect(await workOf(home.database, [taskId])).toEqual({ rails: 2, treadle: 0, twice: 0 });
  },
);

test('a queue that would not reach the Rails engine is refused', async () => {
  const given = { database: home.database, log };
  for (const url of [
    'redis+bullmq://localhost:1/0',
    'sidekiq://localhost:1/0',
    'sidekiq://localhost:1/0?mode=treadle',
  ]) {
    await expect(railsQueueOfUrl(url, given)).rejects.toMatchObject({ code: 'invalid_config' });
  }
});
