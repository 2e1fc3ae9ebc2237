// Processes of a Rails app with a stand-in for the Rails engine (test/support/tasker), and what a fleet of both engines writes down:
// every step notes in fleet_log who ran it, and waits while the gate of its engine is closed.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { sidekiq } from '../../scripts/toolchains.ts';
import { parseTemplate, type TaskTemplate } from '../../core/template/template.ts';
import type { Executor } from '../../sql/database.ts';
import { eventually, type Work } from './engines.ts';
import { uniqueName } from './factories.ts';

const toolchain = await sidekiq({ install: 'packages' });

/** Why tests with the Rails engine cannot run here; undefined: they can. Under CI=true its absence is a failure. */
export const noTasker: string | undefined = toolchain.ok ? undefined : absence(toolchain.why);

function absence(why: string): string {
  if (process.env['CI'] === 'true') throw new Error(why);
  process.stderr.write(`skipped: ${why}\n`);
  return why;
}

export const RUBY_LIBRARY = join(import.meta.dirname, '..', '..', 'bindings', 'ruby', 'lib');

export interface TaskerOptions {
  readonly url: string;
  /** It takes what Treadle has for Rails. Default true. */
  readonly takesOver?: boolean;
  /** Its jobs ask whose task it is. Default true. */
  readonly guarded?: boolean;
}

export class TaskerProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #lines: string[] = [];

  constructor({ url, takesOver = true, guarded = true }: TaskerOptions) {
    const script = join(import.meta.dirname, 'tasker', 'fleet_process.rb');
    this.#child = spawn(toolchain.ok ? toolchain.ruby : 'ruby', ['-W:no-deprecated', script], {
      env: {
        ...process.env,
        RUBYLIB: RUBY_LIBRARY,
        DATABASE_URL: url,
        TAKE_OVER: takesOver ? '1' : '0',
        GUARD: guarded ? '1' : '0',
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#exited = once(this.#child, 'close');
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      if (output) createInterface(output).on('line', (line) => this.#lines.push(line));
    }
    onTestFinished(() => this.kill());
  }

  /** Enqueues a job of the Rails engine. */
  enqueue(taskId: number): void {
    this.#child.stdin?.write(`run ${taskId}\n`);
  }

  /** Resolves with the line once it said one that matches, also when it has before. */
  async says(pattern: RegExp): Promise<string> {
    const find = () => this.#lines.find((line) => pattern.test(line));
    return (
      (await eventually(
        () => this.#asLongAsItLives(find),
        (line) => line !== undefined,
        30_000,
      )) ?? ''
    );
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #asLongAsItLives<Value>(ask: () => Value): Promise<Value> {
    if (this.#child.exitCode === null) return Promise.resolve(ask());
    throw new Error(`the Rails app ended: ${this.#lines.slice(-5).join(' | ')}`);
  }
}

/** A Rails app that takes jobs. It ends with the test at the latest. */
export async function startTasker(options: TaskerOptions): Promise<TaskerProcess> {
  const tasker = new TaskerProcess(options);
  await tasker.says(/^ready$/);
  return tasker;
}

/** The tables that handlers of both engines write to, and read. */
export async function makeFleetLog(db: Executor): Promise<void> {
  await db.query(
    `create table if not exists fleet_log (
       workflow_step_id bigint not null, engine text not null, at timestamptz not null default clock_timestamp()
     )`,
  );
  await db.query('create table if not exists fleet_gates (name text primary key)');
}

/** Steps of this engine wait from now on, until `open`. */
export async function closeGate(db: Executor, name: 'rails' | 'treadle'): Promise<void> {
  await db.query('insert into fleet_gates values ($1) on conflict do nothing', [name]);
}

export async function openGates(db: Executor): Promise<void> {
  await db.query('delete from fleet_gates');
}

/** a -> b, c -> d in the namespace `fleet`, all by one handler. */
export function fleetTemplate(name = uniqueName('named')): TaskTemplate {
  const steps = { a: [], b: ['a'], c: ['a'], d: ['b', 'c'] };
  return parseTemplate({
    namespace_name: 'fleet',
    name,
    step_templates: Object.entries(steps).map(([step, depends_on_steps]) => ({
      name: step,
      handler_class: 'fleet_step',
      depends_on_steps,
    })),
  });
}

/** What Treadle's handler of these steps does: the same as that of the Rails app. */
export function fleetStep(db: Executor): Work {
  return async ({ step }) => {
    await db.query(`insert into fleet_log (workflow_step_id, engine) values ($1, 'treadle')`, [
      step.workflow_step_id,
    ]);
    await eventually(
      () => db.query(`select from fleet_gates where name = 'treadle'`),
      (closed) => closed.length === 0,
      60_000,
    );
    return { by: 'treadle' };
  };
}

/** How many steps of these tasks each engine has begun, and how many of them were begun more than once. */
export async function workOf(
  db: Executor,
  taskIds: readonly number[],
): Promise<{ rails: number; treadle: number; twice: number }> {
  const [row] = await db.query<{ rails: number; treadle: number; twice: number }>(
    `select count(*) filter (where by = 'rails') as rails, count(*) filter (where by = 'treadle') as treadle,
       count(*) filter (where times > 1) as twice
     from (
       select l.workflow_step_id, min(l.engine) as by, count(*) as times
       from fleet_log l
       join tasker_workflow_steps s using (workflow_step_id)
       where s.task_id = any ($1)
       group by l.workflow_step_id
     ) x`,
    [taskIds],
  );
  return row ?? { rails: 0, treadle: 0, twice: 0 };
}

/** Resolves when so many of these tasks are complete. */
export async function untilComplete(
  db: Executor,
  taskIds: readonly number[],
  count = taskIds.length,
): Promise<void> {
  await eventually(
    async () => {
      const [row] = await db.query<{ complete: number }>(
        'select count(*) as complete from tasker_tasks where task_id = any ($1) and complete',
        [taskIds],
      );
      return row?.complete ?? 0;
    },
    (complete) => complete >= count,
    90_000,
  );
}
