// pg-boss: a job queue that keeps its jobs. Jobs can wait for jobs (flows), but those that nothing joins are faster as a chain.
import pg from 'pg';
import { PgBoss, type FlowJob } from 'pg-boss';
import { installed, pieces, STEPS, type Contender, type Entry, type Place, type Work } from './contender.ts';
import { count, countdown, until } from './waiting.ts';

const QUEUE = 'steps';
const JOBS_PER_CALL = 2_000;
const WORKERS = 4;
const BATCH = 500;
/** With `burstWhenBatchFull` a full batch is followed by the next at once; notifications wake the idle. */
const SETTINGS = {
  localConcurrency: WORKERS,
  batchSize: BATCH,
  perJobResults: true,
  burstWhenBatchFull: true,
  pollingIntervalSeconds: 0.5,
  notifyPollingIntervalSeconds: 0.5,
} as const;

export const pgBoss: Contender = {
  about: {
    package: installed('pg-boss'),
    settings:
      `${WORKERS} workers with batches of ${BATCH} jobs, a result for each, bursts, notifications; ` +
      'flows are resolved as soon as possible (resolveFlow in a loop) instead of every 5 s',
    keeps: ['start', 'state', 'times', 'result'],
    durability: 'fsync at every commit',
    ways: { one_step: 'a job', seven_steps: 'each batch inserts the next jobs', diamond: 'a flow' },
  },
  enter,
};

interface Data {
  readonly place: number;
}

async function enter({ url }: Place, work: Work, step: () => void): Promise<Entry> {
  const boss = new PgBoss({ connectionString: url, schedule: false, useListenNotify: true });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue(QUEUE, { notify: true });
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const ended = `from pgboss.job where name = '${QUEUE}' and state = 'completed' and output is not null`;
  return {
    create: async (workflows) => {
      for (const piece of pieces(workflows, JOBS_PER_CALL, (place) => place)) {
        if (work === 'diamond') await boss.flow(piece.flatMap(diamond));
        else await boss.insert(QUEUE, piece.map(() => ({ data: { place: 1 } }))); // prettier-ignore
      }
    },
    run: async (workflows) => {
      const steps = workflows * STEPS[work];
      const { down, zero } = countdown(steps);
      const worker = await boss.work<Data>(QUEUE, SETTINGS, async (jobs) => {
        for (const _ of jobs) {
          step();
          down();
        }
        const going = work === 'seven_steps' ? jobs.filter(({ data }) => data.place < STEPS[work]) : [];
        const next = going.map(({ data }) => ({ data: { place: data.place + 1 } }));
        if (next.length > 0) await boss.insert(QUEUE, next);
        return jobs.map(({ id }) => ({ id, status: 'completed' as const, output: { ok: true } }));
      });
      if (work === 'diamond') await resolving(boss, worker, zero);
      else await zero;
      await until(pool, `select count(*) = ${steps} as yes ${ended}`);
    },
    recorded: () => count(pool, `select count(*) ${ended}`),
    leave: async () => {
      await boss.stop({ graceful: true, timeout: 5_000 });
      await pool.end();
    },
  };
}

/** Lets children of ended jobs go on, and tells the workers, until `end`. By itself pg-boss does it once in a while. */
async function resolving(boss: PgBoss, worker: string, end: Promise<void>): Promise<void> {
  let over = false;
  void end.then(() => (over = true));
  while (!over) {
    await boss.resolveFlow();
    boss.notifyWorker(worker);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function diamond(nth: number): FlowJob[] {
  const job = (ref: string, ...dependsOn: string[]): FlowJob => ({
    ref: `${ref} ${nth}`,
    name: QUEUE,
    data: { place: 1 },
    dependsOn: dependsOn.map((other) => `${other} ${nth}`),
  });
  return [job('top'), job('left', 'top'), job('right', 'top'), job('bottom', 'left', 'right')];
}
