// BullMQ: a job queue on Redis or Postgres, with flows: trees in which a parent waits for its children.
import {
  createPostgresBackend,
  FlowProducer,
  Queue,
  setDefaultBackendFactory,
  Worker,
  type FlowJob,
} from 'bullmq';
import { installed, pieces, STEPS, type Contender, type Entry, type Place, type Work } from './contender.ts';
import { countdown } from './waiting.ts';

const QUEUE = 'steps';
const AT_ONCE = 100;
const JOBS_PER_CALL = 1_000;

const about = {
  package: installed('bullmq'),
  settings: `${AT_ONCE} jobs at once, ended jobs are kept`,
  keeps: ['start', 'state', 'times', 'result'],
  ways: {
    one_step: 'a job',
    seven_steps: 'a flow, each job a child of the next',
    diamond: 'a job that adds a flow of the other three, as flows are trees',
  },
} as const;

export const bullmqEverySecond: Contender = {
  about: { ...about, durability: 'Redis, fsync once a second: the last second can be lost' },
  enter,
};

export const bullmqAlways: Contender = {
  about: { ...about, durability: 'Redis, fsync before every answer' },
  enter,
};

export const bullmqPostgres: Contender = {
  about: { ...about, durability: 'fsync at every commit' },
  enter: (place, work, step) => {
    setDefaultBackendFactory(createPostgresBackend as never);
    return enter(place, work, step);
  },
};

async function enter({ url }: Place, work: Work, step: () => void): Promise<Entry> {
  const connection = connectionOf(url) as never; // which of the two it is, its types cannot know
  const queue = new Queue(QUEUE, { connection });
  const flows = new FlowProducer({ connection });
  await Promise.all([queue.waitUntilReady(), flows.waitUntilReady()]);
  let close = async (): Promise<void> => {};
  return {
    create: async (workflows) => {
      const size = Math.ceil(JOBS_PER_CALL / STEPS[work]);
      for (const piece of pieces(workflows, size, () => ({ name: 'first', data: {} }))) {
        if (work === 'seven_steps') await flows.addBulk(piece.map(() => chain(STEPS[work])));
        else await queue.addBulk(piece);
      }
    },
    run: async (workflows) => {
      const { down, zero } = countdown(workflows * STEPS[work]);
      const process = async ({ name }: { name: string }): Promise<{ ok: boolean }> => {
        step();
        if (work === 'diamond' && name === 'first') await flows.add(job('bottom', job('left'), job('right')));
        return { ok: true };
      };
      const worker = new Worker(QUEUE, process, { connection, concurrency: AT_ONCE });
      worker.on('completed', down);
      worker.on('error', (error) => console.error(error));
      close = () => worker.close();
      await zero;
    },
    recorded: () => queue.getJobCountByTypes('completed'),
    leave: async () => {
      await close();
      await Promise.all([flows.close(), queue.close()]);
    },
  };
}

function job(name: string, ...children: FlowJob[]): FlowJob {
  const plain = { name, queueName: QUEUE, data: {} };
  return children.length === 0 ? plain : { ...plain, children };
}

function chain(length: number): FlowJob {
  return length === 1 ? job('step') : job('step', chain(length - 1));
}

function connectionOf(url: string): object {
  if (url.startsWith('postgres')) return { connectionString: url, max: 20, migrate: true };
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
}
