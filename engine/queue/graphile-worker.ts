// The default queue: graphile-worker in the same Postgres, so that a task and its job commit together. Jobs are fetched
// and completed in batches; a job only starts its task, so hundreds of them are one statement of ours. It polls for delayed
// jobs; here it is told when to look instead, and polls by itself only where notifications do not arrive. When its runner
// ends by itself (Postgres was away for too long for it), it is started again.
import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import {
  Logger as GraphileLogger,
  run,
  runMigrations,
  type Runner,
  type WorkerEvents,
} from 'graphile-worker';
import type pg from 'pg';
import type { Logger } from 'pino';
import { asTreadleError, type Database, type Executor } from '../../sql/database.ts';
import { addGraphileJobs, countGraphileJobs, unlockGraphileJobs } from '../../sql/graphile-jobs.ts';
import { ownsSession } from '../../sql/listen.ts';
import { isAway } from '../outage.ts';
import { QUIET_POLL_MS } from '../periods.ts';
import type { QueueAdapter, QueueHealth, RunTask, TaskJob } from './adapter.ts';
import { endingOf, noLonger, type Ending } from './graphile-ending.ts';
import { Polling } from './polling.ts';

const IDENTIFIER = 'treadle_run_task';

/** One listens, one fetches, one completes in batches, one to spare: starting a task uses the engine's own pool. */
const CONNECTIONS = 4;
const RESTART_MS = 1000;
/** A job only starts its task: who holds one for longer is dead, or so slow that another may try. */
const LONGEST_START_MS = 1000;
/** Between the looks after a death; the second is for what Postgres was just fetching for the dead. */
const LOOKS_AFTER_DEATH_MS = [LONGEST_START_MS, 2 * LONGEST_START_MS];
const FEW_CONNECTIONS_ARE_MEANT = /having maxPoolSize .* smaller than concurrency/;

export interface GraphileWorkerOptions {
  readonly database: Database;
  readonly log: Logger;
  /** How many tasks may be starting at once. A start waits for one statement, not for the steps. */
  readonly concurrency?: number;
  /** How often jobs are looked for while something happens, in ms; when nothing does, only when one is due. Default 1000. */
  readonly pollIntervalMs?: number;
}

export class GraphileWorkerQueue implements QueueAdapter {
  readonly name = 'graphile-worker';
  readonly durable = true;
  readonly #options: GraphileWorkerOptions;
  #runner: Runner | undefined;
  #pool: pg.Pool | undefined;
  #polling: Polling | undefined;
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
    const ended = await this.#run(runTask);
    void this.#keepRunning(ended, runTask);
  }

  jobDueIn(ms: number): void {
    this.#polling?.expect(ms);
  }

  /** graphile-worker would keep what the dead had fetched for four hours. */
  consumersDied(): void {
    this.#takeFromTheDead().catch(() => {}); // the engine stops, or Postgres is away: their tasks are handed over again, some time later
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#end();
  }

  async #takeFromTheDead(): Promise<void> {
    const { signal } = this.#stopping;
    for (const ms of LOOKS_AFTER_DEATH_MS) {
      await pause(ms, undefined, { signal });
      await unlockGraphileJobs(this.#options.database, IDENTIFIER, LONGEST_START_MS / 1000);
      this.jobDueIn(0);
    }
  }

  /** Its runner gives up after some errors in a row. Ours must run for as long as the engine does. */
  async #keepRunning(first: Ending, runTask: RunTask): Promise<void> {
    const { signal } = this.#stopping;
    for (let running: Ending | undefined = first; ;) {
      await running?.ended;
      if (signal.aborted) return;
      if (running) this.#options.log.warn('graphile-worker gave up; starting it again');
      await this.#end();
      await pause(RESTART_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      running = await this.#run(runTask).catch(() => undefined); // Postgres is still away
      if (signal.aborted) await this.#end();
    }
  }

  async #end(): Promise<void> {
    const [runner, pool] = [this.#runner, this.#pool];
    this.#polling?.stop();
    this.#polling = undefined;
    this.#runner = undefined;
    this.#pool = undefined;
    await noLonger(runner?.stop()); // it may have ended by itself
    await noLonger(pool?.end());
  }

  async #run(runTask: RunTask): Promise<Ending> {
    const concurrency = this.#options.concurrency ?? 100;
    const everyMs = this.#options.pollIntervalMs ?? 1000;
    const pool = this.#newPool();
    this.#pool = pool;
    const hears = await ownsSessions(pool); // a pooler hands each statement to another session
    const events: WorkerEvents = new EventEmitter();
    if (hears) this.#polling = pollingOf(events, everyMs);
    const runner = await run({
      pgPool: pool,
      events,
      maxPoolSize: CONNECTIONS,
      logger: this.#logger(),
      noHandleSignals: true,
      preset: {
        worker: {
          preparedStatements: hears,
          concurrentJobs: concurrency,
          pollInterval: hears ? Math.max(everyMs, QUIET_POLL_MS) : everyMs,
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
    this.#runner = runner;
    return endingOf(runner, events);
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

/** Looks whenever there may be something, as the runner with these events hears of it. */
function pollingOf(events: WorkerEvents, everyMs: number): Polling {
  let nudge = (): void => {};
  const polling = new Polling({ everyMs, look: () => nudge() });
  events.on('pool:create', ({ workerPool }) => {
    nudge = () => workerPool.nudge(1);
  });
  events.on('pool:listen:success', () => polling.hears());
  events.on('pool:listen:error', () => polling.deaf());
  events.on('pool:listen:notification', () => polling.attend());
  return polling;
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
