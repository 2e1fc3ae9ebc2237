// An app of the Rails engine at work: it makes tasks with two steps, runs them as Statesman writes it, and touches old tasks. Every
// statement is timed by itself, so that one that had to wait is seen.
import type { Database, Executor } from '../../sql/database.ts';

export interface WriterFigures {
  readonly statements: number;
  readonly longest_ms: number;
  readonly p99_ms: number;
}

export class RailsWriter {
  readonly #database: Database;
  readonly #tookMs: number[] = [];
  #running: Promise<void> | undefined;
  #stopped = false;
  #made = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Waits for the last transaction; throws what a statement threw. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Of the statements since the last call. */
  figures(): WriterFigures {
    const sorted = this.#tookMs.splice(0).toSorted((one, other) => one - other);
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
    return { statements: sorted.length, longest_ms: at(1), p99_ms: at(0.99) };
  }

  async #run(): Promise<void> {
    const [shape] = await this.#database.query<Shape>(SHAPE);
    if (shape === undefined) throw new Error('expected a named task with two steps, found none');
    while (!this.#stopped) {
      const { task, steps } = await this.#inTransaction((say) => this.#createTask(say, shape));
      await this.#transition('task', task, 'in_progress');
      for (const step of steps) await this.#runStep(step);
      await this.#transition('task', task, 'complete');
      await this.#inTransaction(async (say) => {
        await say(`update tasker_tasks set complete = true, updated_at = now() where task_id = $1`, [task]);
        await say(TOUCH_OLD_TASK, []);
      });
    }
  }

  async #createTask(
    say: Say,
    { named_task_id, step_ids }: Shape,
  ): Promise<{ task: number; steps: number[] }> {
    this.#made += 1;
    const identity = `rails-${process.pid}-${this.#made}`;
    const [task = 0] = await say(INSERT_TASK, [named_task_id, identity]);
    const steps: number[] = [];
    for (const named of step_ids) steps.push(...(await say(INSERT_STEP, [task, named])));
    await say(INSERT_EDGE, steps);
    return { task, steps };
  }

  async #runStep(step: number): Promise<void> {
    await this.#transition('workflow_step', step, 'in_progress');
    await this.#inTransaction(async (say) => {
      await say(UPDATE_STEP, [step]);
      await transition(say, 'workflow_step', step, 'complete');
    });
  }

  async #transition(kind: Kind, id: number, state: string): Promise<void> {
    await this.#inTransaction((say) => transition(say, kind, id, state));
  }

  /** `say` runs one statement and returns the ids that it returns. */
  async #inTransaction<Result>(work: (say: Say) => Promise<Result>): Promise<Result> {
    return this.#database.transaction((tx) => work((text, values) => this.#timed(tx, text, values)));
  }

  async #timed(tx: Executor, text: string, values: readonly unknown[]): Promise<number[]> {
    const startedAt = performance.now();
    const rows = await tx.query<{ id: number }>(text, values);
    this.#tookMs.push(performance.now() - startedAt);
    return rows.map(({ id }) => id);
  }
}

type Say = (text: string, values: readonly unknown[]) => Promise<number[]>;
type Kind = 'task' | 'workflow_step';

interface Shape {
  readonly named_task_id: number;
  readonly step_ids: readonly [number, number];
}

/** As Statesman does it: the row that was the most recent one first, then the new one. */
async function transition(say: Say, kind: Kind, id: number, state: string): Promise<void> {
  const table = `tasker_${kind}_transitions`;
  await say(`update ${table} set most_recent = false, updated_at = now() where ${kind}_id = $1 and most_recent`, [id]); // prettier-ignore
  await say(
    `insert into ${table} (${kind}_id, to_state, metadata, sort_key, most_recent, created_at, updated_at)
     select $1, $2, '{}', coalesce(max(sort_key), 0) + 10, true, now(), now() from ${table} where ${kind}_id = $1`,
    [id, state],
  );
}

const SHAPE = `
  select named_task_id, (array_agg(named_step_id order by id))[1:2] as step_ids
  from tasker_named_tasks_named_steps
  group by named_task_id
  having count(*) >= 2
  limit 1`;

const INSERT_TASK = `
  insert into tasker_tasks
    (named_task_id, requested_at, initiator, source_system, reason, bypass_steps, tags, context, identity_hash, created_at, updated_at)
  values ($1, now(), 'rails', 'rails', 'rails', '[]', '[]', '{"order_id": 1}', $2, now(), now())
  returning task_id as id`;

const INSERT_STEP = `
  insert into tasker_workflow_steps (task_id, named_step_id, attempts, inputs, results, created_at, updated_at)
  values ($1, $2, 0, '{}', '{}', now(), now())
  returning workflow_step_id as id`;

const INSERT_EDGE = `
  insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
  values ($1, $2, 'provides', now(), now())`;

const UPDATE_STEP = `
  update tasker_workflow_steps
  set attempts = 1, last_attempted_at = now(), processed = true, in_process = false, processed_at = now(), results = '{"ok": true}',
    updated_at = now()
  where workflow_step_id = $1`;

/** One that adoption may be looking at. */
const TOUCH_OLD_TASK = `
  update tasker_tasks
  set updated_at = now()
  where task_id = (select task_id from tasker_tasks where complete = false order by task_id offset floor(random() * 500) limit 1)`;
