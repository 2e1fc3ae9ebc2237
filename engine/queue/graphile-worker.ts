// The default queue: graphile-worker in the same Postgres, so that a task and its job commit together. Jobs are fetched
// and completed in batches; a job only starts its task, so hundreds of them are one statement of ours.
import { Logger as GraphileLogger, run, runMigrations, type Runner } from 'graphile-worker';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { Database, Executor } from '../../sql/database.ts';
import { addGraphileJobs, countGraphileJobs } from '../../sql/graphile-jobs.ts';
import type { QueueAdapter, QueueHealth, RunTask, TaskJob } from './adapter.ts';

const IDENTIFIER = 'treadle_run_task';

/** One listens, one fetches, one completes in batches, one to spare: starting a task uses the engine's own pool. */
const CONNECTIONS = 4;
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
    const concurrency = this.#options.concurrency ?? 100;
    this.#pool = this.#newPool();
    this.#runner = await run({
      pgPool: this.#pool,
      maxPoolSize: CONNECTIONS,
      logger: this.#logger(),
      noHandleSignals: true,
      preset: {
        worker: {
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
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
    this.#runner = undefined;
    await this.#pool?.end();
    this.#pool = undefined;
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
      if (level === 'error') log.error(meta ?? {}, message);
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
