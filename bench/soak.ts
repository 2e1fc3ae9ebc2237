// A long life in short: millions of steps, created as others end, while retention removes what has ended. Does the engine slow
// down, and do tables and indexes grow? Figures by tenths of the work; of each table its size, its dead rows, and how often
// autovacuum came. Retention runs without a pause and keeps nothing: in production it removes as much in a day as comes in.
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { Engine } from '../engine/engine.ts';
import type { Database } from '../sql/database.ts';
import { pruneTasks } from '../sql/retention.ts';
import { benchmark } from './benchmark.ts';
import { LINEAR, NoopHandler, type Shape } from './shapes.ts';
import { megabytes, soakText, summary, type Moment, type SoakResult } from './soak-figures.ts';
import { tableSizes, type TableSize } from './table-sizes.ts';
import { cpuNow, createTasks } from './work.ts';

const STEPS = 2_000_000;
const QUICK_STEPS = 7000;
const PARTS = 10;
/** Tasks that are created and not yet complete: enough to keep the engine busy, and never more; of a short soak fewer. */
const BACKLOG = 3000;
const TASKS_PER_CREATION = 250;
const PRUNED_AT_ONCE = 200;
const LOOK_AGAIN_MS = 20;
const LOOKS = 600;
export interface SoakOptions {
  readonly quick: boolean;
  readonly concurrency: number;
  /** Default: two million. */
  readonly steps?: number | undefined;
  /** Default: linear 7. */
  readonly work?: Shape;
  readonly onProgress: (line: string) => void;
}

export const soak = benchmark<SoakResult>({
  name: 'soak',
  says: 'Two million steps with retention on: does it slow down, do tables grow',
  runs: 1,
  alone: true,
  measure: (server, options) => server.withDatabase((database) => benchSoak(database, options)),
  report: soakText,
  headlines: (result) => [
    [
      `${result.steps.toLocaleString('en')} steps with retention on: the rate of the last tenth to that of the first`,
      `${result.last_to_first}`,
    ],
  ],
});

/** On a migrated database without tasks. */
export async function benchSoak(database: Database, options: SoakOptions): Promise<SoakResult> {
  const wanted = options.steps ?? (options.quick ? QUICK_STEPS : STEPS);
  const { work = LINEAR } = options;
  const perPart = Math.max(1, Math.round(wanted / work.steps / PARTS));
  const backlog = Math.min(BACKLOG, perPart);
  const engine = new Engine({
    database: database.url, // its own connections, which end with it: only then Postgres has counted all that they did
    handlers: [NoopHandler],
    templates: [work.template],
    concurrency: options.concurrency,
    log: pino({ level: 'silent' }),
  });
  // The first backlog warms up, and the last one keeps the engine busy until the clock stops: neither is measured.
  const tasks = perPart * PARTS + 2 * backlog;
  const life = new Life({ engine, database, work, tasks, backlog });
  let moments: readonly Moment[];
  try {
    await engine.start();
    moments = await life.lead(perPart, options.onProgress);
    await life.end();
  } finally {
    life.cut();
    await engine.stop();
  }
  const tables = await tablesAfterwards(database, tasks);
  return summary(perPart * work.steps, moments, { prunedTasks: tasks, tables });
}

/** Connections say what they did when they end, a moment later. */
async function tablesAfterwards(database: Database, tasks: number): Promise<readonly TableSize[]> {
  for (let looks = 1; ; looks += 1) {
    const [row] = await database.query<{ deleted: number }>(
      `select n_tup_del as deleted from pg_stat_user_tables where relid = 'public.tasker_tasks'::regclass`,
    );
    if (row?.deleted === tasks || looks === LOOKS) return tableSizes(database);
    await pause(LOOK_AGAIN_MS);
  }
}

interface LifeOptions {
  readonly engine: Engine;
  /** For all but the engine. */
  readonly database: Database;
  readonly work: Shape;
  readonly tasks: number;
  readonly backlog: number;
}

/** Tasks are made, run and removed, all at the same time. */
class Life {
  readonly #engine: Engine;
  readonly #database: Database;
  readonly #work: Shape;
  readonly #tasks: number;
  readonly #backlog: number;
  #created = 0;
  #completed = 0;
  #pruned = 0;
  #prunedRows = 0;
  #cut = false;
  #failure: unknown;
  readonly #waiting = new Set<{ readonly until: () => boolean; readonly go: () => void }>();

  constructor({ engine, database, work, tasks, backlog }: LifeOptions) {
    this.#engine = engine;
    this.#database = database;
    this.#work = work;
    this.#backlog = backlog;
    this.#tasks = tasks;
    engine.on('task.completed', () => {
      this.#completed += 1;
      this.#noticed();
    });
    engine.on('task.failed', ({ task_id }) => this.#break(new Error(`task ${task_id} failed`)));
  }

  /** Returns how things were at the beginning and at the end of each part. */
  async lead(tasksPerPart: number, onProgress: (line: string) => void): Promise<Moment[]> {
    void this.#create().catch((error: unknown) => this.#break(error));
    void this.#prune().catch((error: unknown) => this.#break(error));
    await this.#until(() => this.#completed >= this.#backlog);
    const moments = [await this.#moment()];
    for (let part = 1; part <= PARTS; part += 1) {
      await this.#until(() => this.#completed >= this.#backlog + part * tasksPerPart);
      moments.push(await this.#moment());
      onProgress(`soak: ${part} of ${PARTS}, ${progressOf(moments, tasksPerPart * this.#work.steps)}`);
    }
    return moments;
  }

  /** Everything is pruned, and each row of the audit trail was there to be. */
  async end(): Promise<void> {
    await this.#until(() => this.#pruned === this.#tasks);
    const expected = this.#tasks * rowsOf(this.#work);
    if (this.#prunedRows === expected) return;
    throw new Error(`${expected} rows had to be left of the tasks, but ${this.#prunedRows} were`);
  }

  cut(): void {
    this.#cut = true;
    this.#noticed();
  }

  async #create(): Promise<void> {
    const atOnce = Math.min(TASKS_PER_CREATION, this.#backlog);
    while (this.#created < this.#tasks && !this.#cut) {
      const count = Math.min(atOnce, this.#tasks - this.#created);
      await this.#until(() => this.#created - this.#completed <= this.#backlog - count);
      await createTasks(this.#engine, this.#work, count);
      this.#created += count;
    }
  }

  async #prune(): Promise<void> {
    while (this.#pruned < this.#tasks && !this.#cut) {
      for await (const batch of pruneTasks(this.#database, { olderThanSeconds: 0 }, PRUNED_AT_ONCE)) {
        this.#pruned += batch.tasks;
        this.#prunedRows += batch.row_count;
        this.#noticed();
        if (this.#cut) return;
      }
      await pause(LOOK_AGAIN_MS);
    }
  }

  async #moment(): Promise<Moment> {
    const at = performance.now(); // before the questions, which take a while themselves
    return {
      at,
      cpu: await cpuNow(this.#database),
      kept: this.#created - this.#pruned,
      tables: await tableSizes(this.#database),
    };
  }

  /** Resolves when it is so. Rejects when something has gone wrong meanwhile. */
  async #until(isSo: () => boolean): Promise<void> {
    const until = (): boolean => this.#failure !== undefined || this.#cut || isSo();
    if (!until()) {
      await new Promise<void>((resolve) => {
        this.#waiting.add({ until, go: resolve });
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #noticed(): void {
    for (const waiter of this.#waiting) {
      if (!waiter.until()) continue;
      this.#waiting.delete(waiter);
      waiter.go();
    }
  }

  #break(error: unknown): void {
    this.#failure ??= error;
    this.#noticed();
  }
}

/** Of a task in the Rails tables: itself, its steps, their edges, and two transitions each. */
function rowsOf({ steps, edges }: Shape): number {
  return 1 + steps + edges + 2 * (1 + steps);
}

function progressOf(moments: readonly Moment[], stepsPerPart: number): string {
  const [before, now] = moments.slice(-2);
  if (!before || !now) return 'nothing yet';
  const rate = Math.round((stepsPerPart * 1000) / (now.at - before.at));
  return `${rate} steps/s, ${now.kept} tasks kept, ${megabytes(now.tables)} MB`;
}
