// Treadle itself: as in the other benchmarks, over its default queue.
import { pino } from 'pino';
import { Engine } from '../../engine/engine.ts';
import { GraphileWorkerQueue } from '../../engine/queue/graphile-worker.ts';
import { StepHandler } from '../../handlers/step-handler.ts';
import { Database } from '../../sql/database.ts';
import { migrate } from '../../sql/migrate.ts';
import { linear, shape, SMALL_SHAPES, type Shape } from '../shapes.ts';
import { allCompleted, createTasks, verifyAuditTrail } from '../work.ts';
import { STEPS, type Contender, type Entry, type Place, type Work } from './contender.ts';

const CONCURRENCY = 500;

export const treadle: Contender = {
  about: {
    package: 'treadle',
    settings: `defaults, ${CONCURRENCY} steps at once`,
    keeps: ['start', 'state', 'times', 'result', 'audit'],
    durability: 'fsync at every commit',
    ways: { one_step: 'a task of one step', seven_steps: 'a task', diamond: 'a task' },
  },
  enter,
};

async function enter({ url }: Place, work: Work, step: () => void): Promise<Entry> {
  class NoopHandler extends StepHandler {
    async process(): Promise<{ ok: boolean }> {
      step();
      return { ok: true };
    }
  }
  const database = new Database({ url, maxConnections: 10 });
  await migrate(database);
  const log = pino({ level: 'silent' });
  const queue = new GraphileWorkerQueue({ database, log });
  await queue.install();
  const engine = new Engine({ database, queue, handlers: [NoopHandler], concurrency: CONCURRENCY, log });
  const asked = shapeOf(work);
  await engine.registerTemplates([asked.template]);
  let created = 0;
  return {
    create: (workflows) => createTasks(engine, asked, (created = workflows)),
    run: async (workflows) => {
      const ended = allCompleted(engine, workflows);
      await Promise.all([engine.start(), ended]);
    },
    recorded: async () => {
      await verifyAuditTrail(database, asked, created);
      return created * STEPS[work];
    },
    leave: async () => {
      await engine.stop();
      await database.close();
    },
  };
}

function shapeOf(work: Work): Shape {
  if (work !== 'diamond') return shape(work, { tasks: 0, quickTasks: 0 }, linear(STEPS[work]));
  const diamond = SMALL_SHAPES.find(({ name }) => name === 'diamond');
  if (!diamond) throw new Error('there is no diamond among the shapes');
  return diamond;
}
