// The default queue: graphile-worker in the same Postgres, so that a task and its job commit together. Jobs are fetched
// and completed in batches; a job only starts its task, so hundreds of them are one statement of ours. When its runner ends
// by itself (Postgres was away for too long for it), it is started again.
import { setTimeout as pause } from 'node:timers/promises';
import { Logger as GraphileLogger, run, runMigrations, type Runner } from 'graphile-worker';
import type pg from 'pg';
import type { Logger } from 'pino';
import { asTreadleError, type Database, type Executor } from '../../sql/database.ts';
import { addGraphileJobs, countGraphileJobs } from '../../sql/graphile-jobs.ts';
import { ownsSession } from '../../sql/listen.ts';
import { isAway } from '../outage.ts';
import type { QueueAdapter, QueueHealth, RunTask, TaskJob } from './adapter.ts';

const IDENTIFIER = 'treadle_run_task';

/** One listens, one fetches, one completes in batches, one to spare: starting a task uses the engine's own pool. */
const CONNECTIONS = 4;
const RESTART_MS = 1000;
const FEW_CONNECTIONS_ARE_MEANT = /having maxPoolSize .* smaller than concurrency/;

export interface GraphileWorkerOptions {
  readonly database: Database;
  readonly log: Logger;
  /** How many tasks may be starting at once. A start waits for one statement, not for the steps. */
  readonly concurrency?: number;
  /** How often jobs for later are looked for, in ms. Jobs for now arrive by NOTIFY. */
  readonly pollIntervalMs?: number;
}

export class GraphileWorkerQueue implements QueueAdapter {
  readonly name = 'graphile-worker';
  readonly durable = true;
  readonly #options: GraphileWorkerOptions;
  #runner: Runner | undefined;
  #pool: pg.Pool | undefined;
  #stopping = new AbortController();

  constructor(options: GraphileWorkerOptions) {
    this.#options = options;
  }

  async install(): Promise<void> {
    const pgPool = this.#newPool();
    try {
      await runMigrations({ pgPool, logger: this.#logger() });
    } finally {
      await pgPool.end();
    }
  }

  async enqueue(jobs: readonly TaskJob[]): Promise<void> {
    await addGraphileJobs(this.#options.database, IDENTIFIER, jobs);
  }

  async enqueueInTransaction(tx: Executor, jobs: readonly TaskJob[]): Promise<void> {
    await addGraphileJobs(tx, IDENTIFIER, jobs);
  }

  async start(runTask: RunTask): Promise<void> {
    this.#stopping = new AbortController();
    const runner = await this.#run(runTask);
    void this.#keepRunning(runner, runTask);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#end();
  }

  /** Its runner gives up after some errors in a row. Ours must run for as long as the engine does. */
  async #keepRunning(first: Runner, runTask: RunTask): Promise<void> {
    const { signal } = this.#stopping;
    for (let runner: Runner | undefined = first; ;) {
      await runner?.promise.catch(() => {}); // it has logged why
      if (signal.aborted) return;
      if (runner) this.#options.log.warn('graphile-worker gave up; starting it again');
      await this.#end();
      await pause(RESTART_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      runner = await this.#run(runTask).catch(() => undefined); // Postgres is still away
      if (signal.aborted) await this.#end();
    }
  }

  async #end(): Promise<void> {
    const [runner, pool] = [this.#runner, this.#pool];
    this.#runner = undefined;
    this.#pool = undefined;
    await runner?.stop().catch(() => {}); // it may have ended by itself
    await pool?.end().catch(() => {});
  }

  async #run(runTask: RunTask): Promise<Runner> {
    const concurrency = this.#options.concurrency ?? 100;
    const pool = this.#newPool();
    this.#pool = pool;
    this.#runner = await run({
      pgPool: pool,
      maxPoolSize: CONNECTIONS,
      logger: this.#logger(),
      noHandleSignals: true,
      preset: {
        worker: {
          preparedStatements: await ownsSessions(pool), // a pooler hands each statement to another session
          concurrentJobs: concurrency,
          pollInterval: this.#options.pollIntervalMs ?? 1000,
          localQueue: { size: concurrency },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
      },
      taskList: {
        [IDENTIFIER]: async (payload) => {
          await runTask(taskIdOf(payload));
        },
      },
    });
    return this.#runner;
  }

  async health(): Promise<QueueHealth> {
    try {
      const jobs = await countGraphileJobs(this.#options.database, IDENTIFIER);
      return {
        ok: true,
        message: `graphile-worker, ${jobs.waiting} jobs waiting, ${jobs.failed} being retried`,
      };
    } catch (error) {
      return {
        ok: false,
        message: `graphile-worker: ${error instanceof Error ? error.message : String(error)}`,
      };
    }
  }

  /** Ours, because graphile-worker's own pool listens to no errors any more while it closes. */
  #newPool(): pg.Pool {
    return this.#options.database.separatePool('treadle queue', CONNECTIONS);
  }

  #logger(): GraphileLogger {
    const log = this.#options.log.child({ component: 'graphile-worker' });
    return new GraphileLogger(() => (level: string, message, meta) => {
      if (level === 'error' && saysAway(meta))
        log.debug(meta, message); // the engine has said it, once
      else if (level === 'error') log.error(meta ?? {}, message);
      else if (level === 'warning' && !FEW_CONNECTIONS_ARE_MEANT.test(message)) log.warn(meta ?? {}, message);
      else log.debug(meta ?? {}, message);
    });
  }
}

function taskIdOf(payload: unknown): number {
  if (typeof payload === 'object' && payload !== null && 'task_id' in payload) {
    const taskId = Number(payload.task_id);
    if (Number.isSafeInteger(taskId)) return taskId;
  }
  throw new TypeError(`a ${IDENTIFIER} job must carry a task_id, but came as ${JSON.stringify(payload)}`);
}

function saysAway(meta: unknown): meta is { error: unknown } {
  return typeof meta === 'object' && meta !== null && 'error' in meta && isAway(asTreadleError(meta.error));
}

async function ownsSessions(pool: pg.Pool): Promise<boolean> {
  const client = await pool.connect();
  try {
    return await ownsSession(client);
  } finally {
    client.release();
  }
}
