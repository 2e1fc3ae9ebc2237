// DBOS Transact: durable functions. A workflow is code; the result of each step that it calls is a row, written when the step has
// ended.
import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';
import { installed, STEPS, type Contender, type Entry, type Place, type Work } from './contender.ts';
import { count, inLanes, until } from './waiting.ts';

const AT_ONCE = 100;
const POOL = 20;
const QUEUE = 'bench';
const POLL_MS = 50;
const COMMON = `${AT_ONCE} workflows at once, pool of ${POOL} connections`;

const about = {
  package: installed('@dbos-inc/dbos-sdk'),
  keeps: ['times', 'result'],
  durability: 'fsync at every commit',
  ways: {
    one_step: 'a workflow with one step',
    seven_steps: 'a workflow with seven steps',
    diamond: 'a workflow, two of its steps by Promise.all',
  },
} as const;

/** Workflows that start where they are called, its fastest way: their creation is a part of their run. */
export const dbos: Contender = {
  about: { ...about, settings: `${COMMON}, started by a call, so creation is in the run` },
  enter: async (place, work, step) => {
    const { workflow, pool, ...entry } = await launch(place, work, step);
    return {
      ...entry,
      create: async () => {},
      run: async (workflows) => {
        await inLanes(workflows, AT_ONCE, workflow);
        await until(pool, ALL_ENDED);
      },
    };
  },
};

/** Workflows in a queue, as the jobs of the others are. */
export const dbosQueue: Contender = {
  about: { ...about, settings: `${COMMON}, from a queue that is asked every ${POLL_MS} ms` },
  enter: async (place, work, step) => {
    const { workflow, pool, ...entry } = await launch(place, work, step);
    return {
      ...entry,
      create: (workflows) =>
        inLanes(workflows, AT_ONCE, () => DBOS.startWorkflow(workflow, { queueName: QUEUE })()),
      run: async () => {
        await DBOS.registerQueue(QUEUE, { workerConcurrency: AT_ONCE, minPollingIntervalMs: POLL_MS });
        await until(pool, ALL_ENDED);
      },
    };
  },
};

const ALL_ENDED = `select not exists (select from dbos.workflow_status where status <> 'SUCCESS') as yes`;

interface Launched extends Pick<Entry, 'recorded' | 'leave'> {
  readonly workflow: () => Promise<void>;
  readonly pool: pg.Pool;
}

async function launch({ url }: Place, work: Work, step: () => void): Promise<Launched> {
  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: url,
    systemDatabasePoolSize: POOL,
    logLevel: 'error',
  });
  const run: Step = (name) => {
    const handler = async (): Promise<{ ok: boolean }> => {
      step();
      return { ok: true };
    };
    return DBOS.runStep(handler, { name });
  };
  const steps = work === 'diamond' ? diamond(run) : chain(run, STEPS[work]);
  const workflow = DBOS.registerWorkflow(steps, { name: work });
  await DBOS.launch();
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  return {
    workflow,
    pool,
    recorded: () => count(pool, 'select count(*) from dbos.operation_outputs where output is not null'),
    leave: async () => {
      await pool.end();
      await DBOS.shutdown();
    },
  };
}

type Step = (name: string) => Promise<{ ok: boolean }>;

function chain(run: Step, steps: number): () => Promise<void> {
  return async () => {
    for (let nth = 1; nth <= steps; nth += 1) await run(`step_${nth}`);
  };
}

function diamond(run: Step): () => Promise<void> {
  return async () => {
    await run('top');
    await Promise.all([run('left'), run('right')]);
    await run('bottom');
  };
}
