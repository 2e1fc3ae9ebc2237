// graphile-worker: a job queue. A job is a row that is deleted when it has run, so a workflow is jobs that add their next.
import { Logger, makeWorkerUtils, run, type Task } from 'graphile-worker';
import pg from 'pg';
import { installed, pieces, STEPS, type Contender, type Entry, type Place, type Work } from './contender.ts';
import { countdown, until } from './waiting.ts';

const JOBS_PER_CALL = 5_000;
/** Those of its performance page. */
const SETTINGS = {
  concurrentJobs: 24,
  maxPoolSize: 25,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};

export const graphileWorker: Contender = {
  about: {
    package: installed('graphile-worker'),
    settings: 'those of its performance page: 24 jobs at once, local queue of 500, completion in batches',
    keeps: ['start'],
    durability: 'fsync at every commit',
    ways: { one_step: 'a job', seven_steps: 'each job adds the next one' },
    lacks: 'has no fan-in',
  },
  enter,
};

async function enter({ url }: Place, work: Work, step: () => void): Promise<Entry> {
  const preset = { worker: { connectionString: url, logger: new Logger(() => () => {}), ...SETTINGS } };
  const utils = await makeWorkerUtils({ preset });
  await utils.migrate();
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  let stop = async (): Promise<void> => {};
  return {
    create: async (workflows) => {
      const first = () => ({ identifier: 'step', payload: { place: 1 } });
      for (const jobs of pieces(workflows, JOBS_PER_CALL, first)) await utils.addJobs(jobs);
    },
    run: async (workflows) => {
      const { down, zero } = countdown(workflows);
      const task: Task = async (payload, { addJob }) => {
        step();
        const { place } = payload as { place: number };
        if (place === STEPS[work]) down();
        else await addJob('step', { place: place + 1 });
      };
      const runner = await run({ preset, taskList: { step: task }, noHandleSignals: true });
      stop = () => runner.stop();
      await zero;
      await until(pool, 'select not exists (select from graphile_worker._private_jobs) as yes');
    },
    recorded: async () => undefined,
    leave: async () => {
      await stop();
      await utils.release();
      await pool.end();
    },
  };
}
