// Postgres dies in the middle of what graphile-worker does, again and again; each time jobs are delivered once it is back.
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { GraphileWorkerQueue } from '../../../engine/queue/graphile-worker.ts';
import { jobFor } from '../../../engine/queue/trial.ts';
import { Database } from '../../../sql/database.ts';
import { killPostmaster, newProject, startIn } from '../../support/clusters.ts';
import { eventually } from '../../support/engines.ts';

const TIMES = 6;
const WITHIN_MS = 60_000;

function queueOn(url: string): GraphileWorkerQueue {
  const database = new Database({ url });
  onTestFinished(() => database.close());
  return new GraphileWorkerQueue({ database, log: pino({ level: 'silent' }) });
}

/** Adds a job every few milliseconds, whether Postgres is there or not, until the test ends. */
function feed(queue: GraphileWorkerQueue): void {
  let taskId = 1000;
  const feeding = setInterval(() => void queue.enqueue([jobFor((taskId += 1))]).catch(() => {}), 5);
  onTestFinished(() => clearInterval(feeding));
}

test('deliveries go on after each death of Postgres', { timeout: 180_000 }, async () => {
  const project = newProject();
  const { url, home } = await startIn(project);
  const [app, consumer] = [queueOn(url), queueOn(url)];
  await app.install();
  const delivered = new Set<number>();
  await consumer.start(async (taskId) => void delivered.add(taskId));
  onTestFinished(() => consumer.stop());
  feed(app);
  for (let time = 1; time <= TIMES; time += 1) {
    await eventually(
      async () => delivered.size,
      (size) => size > time * 20,
    );
    await killPostmaster(home);
    await startIn(project);
    await eventually(
      () =>
        app.enqueue([jobFor(time)]).then(
          () => true,
          () => pause(50, false),
        ),
      Boolean,
    );
    await eventually(async () => pause(20, delivered.has(time)), Boolean, WITHIN_MS);
  }
  expect(delivered.size).toBeGreaterThan(TIMES * 20);
});
