// Everybody else in a chaos run: the program that creates tasks, the operator, the Rails app, and whoever cuts connections.
// Postgres may be away at any moment, so each of them tries again for a while.
import { setTimeout as pause } from 'node:timers/promises';
import { TreadleError } from '../../../core/errors.ts';
import { Engine } from '../../../engine/engine.ts';
import { Database } from '../../../sql/database.ts';
import { actLikeRails } from './rails-hand.ts';
import type { Hand } from './script.ts';
import { EFFECTS } from './snapshot.ts';
import { NAMESPACE, requestsOf, templatesOf, type ChaosRequest } from './workload.ts';

/** Steps that were claimed by a transaction that began a tenth of a second after everything was paused, or later. */
const CLAIMED_IN_PAUSE = `
  select t.workflow_step_id as id
  from treadle.pauses p
  join public.tasker_workflow_step_transitions t
    on t.to_state = 'in_progress' and t.created_at > p.paused_at at time zone 'UTC' + interval '100 milliseconds'
  where p.scope = 'namespace'`;

/** What must not get lost, and what the sweep must find when it does. */
const VANDALISM = {
  'lose jobs': 'delete from graphile_worker._private_jobs where locked_at is null returning 1',
  'lose wake-ups': 'delete from treadle.wakeups returning 1',
  'lose offers': 'delete from treadle.ready_steps where workflow_step_id % 2 = 0 returning 1',
  'spoil gates':
    'update treadle.gates set open_parents = open_parents + 1 where workflow_step_id % 2 = 0 returning 1',
};

const TRY_AGAIN_MS = 100;
const PATIENCE_MS = 20_000;

export class Hands {
  readonly database: Database;
  readonly #engine: Engine;
  readonly #seed: number;
  readonly #requests: readonly ChaosRequest[];
  #created = 0;
  #paused = false;

  constructor(url: string, { seed, tasks }: { readonly seed: number; readonly tasks: number }) {
    this.database = new Database({ url, maxConnections: 4, applicationName: 'chaos hands' });
    this.#engine = new Engine({ database: this.database });
    this.#seed = seed;
    this.#requests = requestsOf(seed, tasks);
  }

  /** What must be there before the first engine starts. */
  async prepare(): Promise<void> {
    await this.database.query(EFFECTS);
    await this.#engine.registerTemplates(templatesOf(this.#seed));
  }

  close(): Promise<void> {
    return this.database.close();
  }

  /** The next tasks of the workload. Each exists once, however often Postgres goes away in between. */
  async createTasks(count: number): Promise<void> {
    const requests = this.#requests.slice(this.#created, this.#created + count);
    this.#created += requests.length;
    if (requests.length > 0) await this.#persistently(() => this.#engine.createTasks(requests));
  }

  /** Terminates about this share of the backends that engines use. */
  async cutConnections(share: number): Promise<void> {
    await this.#persistently(() =>
      this.database.query(
        `select pg_terminate_backend(pid)
         from pg_stat_activity
         where datname = current_database()
           and pid <> pg_backend_pid()
           and application_name <> 'chaos hands'
           and mod(hashtext(pid::text), 100) < $1::float8 * 200 - 100`,
        [share],
      ),
    );
  }

  /** Returns what was done, undefined when there was nothing to do it to. */
  act(hand: Hand, nth: number): Promise<string | undefined> {
    return this.#persistently(() => this.#act(hand, nth));
  }

  async #act(hand: Hand, nth: number): Promise<string | undefined> {
    switch (hand) {
      case 'rails resolves step':
        return actLikeRails(this.database, 'workflow_step', 'resolved_manually', nth);
      case 'rails cancels task':
        return actLikeRails(this.database, 'task', 'cancelled', nth);
      case 'cancel task':
        return this.#operate(`cancel_tasks(array[$1::bigint], 'chaos')`, await this.#openTasks(), nth);
      case 'pause task':
        return this.#operate(`pause('task', $1, 'chaos')`, await this.#openTasks(), nth);
      case 'resume task':
        return this.#operate(`resume('task', $1)`, await this.#pausedTasks(), nth);
      case 'retry step':
        return this.#operate(`retry_steps(array[$1::bigint], 'chaos')`, await this.#steps(['error']), nth);
      case 'resolve step': {
        const steps = await this.#steps(['pending', 'error', 'in_progress']);
        return this.#operate(`resolve_steps(array[$1::bigint], 'chaos', p_force => true)`, steps, nth);
      }
      case 'pause everything':
        return this.#pauseEverything();
      default:
        return this.#destroy(hand);
    }
  }

  /** For a second. Throws when something was claimed meanwhile. */
  async #pauseEverything(): Promise<string | undefined> {
    if (this.#paused) return undefined;
    this.#paused = true;
    try {
      await this.database.query(`select treadle.pause('namespace', $1, 'chaos')`, [NAMESPACE]);
      await pause(1000);
      const claimed = await this.#ids(CLAIMED_IN_PAUSE);
      await this.database.query(`select treadle.resume('namespace', $1)`, [NAMESPACE]);
      if (claimed.length === 0) return 'for a second';
      throw new Error(`these steps were claimed in a pause: ${claimed.join(', ')}`);
    } finally {
      this.#paused = false;
    }
  }

  async #destroy(hand: keyof typeof VANDALISM): Promise<string> {
    const rows = await this.database.query(VANDALISM[hand]);
    return `${rows.length} of them`;
  }

  /** Operators may come too late: then the engine says so, and nothing was done. */
  async #operate(verb: string, ids: readonly number[], nth: number): Promise<string | undefined> {
    const id = ids[nth % Math.max(ids.length, 1)];
    if (id === undefined) return undefined;
    try {
      await this.database.query(`select treadle.${verb}`, [String(id)]);
      return `of ${id}`;
    } catch (error) {
      if (error instanceof TreadleError && !error.code.startsWith('database')) return undefined;
      throw error;
    }
  }

  async #openTasks(): Promise<number[]> {
    return this.#ids(
      `select t.task_id as id
       from public.tasker_tasks t
       left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
       where coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
       order by 1`,
    );
  }

  #pausedTasks(): Promise<number[]> {
    return this.#ids(`select subject::bigint as id from treadle.pauses where scope = 'task' order by 1`);
  }

  /** Those in one of these states, of tasks that have not been cancelled and are not complete. */
  #steps(states: readonly string[]): Promise<number[]> {
    return this.#ids(
      `select s.workflow_step_id as id
       from public.tasker_workflow_steps s
       left join public.tasker_task_transitions t on t.task_id = s.task_id and t.most_recent
       left join public.tasker_workflow_step_transitions c
         on c.workflow_step_id = s.workflow_step_id and c.most_recent
       where coalesce(c.to_state, 'pending') = any ($1)
         and coalesce(t.to_state, 'pending') in ('pending', 'in_progress', 'error')
       order by 1`,
      [states],
    );
  }

  async #ids(text: string, values: readonly unknown[] = []): Promise<number[]> {
    return (await this.database.query<{ id: number }>(text, values)).map(({ id }) => id);
  }

  /** Ends every pause. Returns how many there were. */
  async resumeAll(): Promise<number> {
    const rows = await this.#persistently(() =>
      this.database.query('select treadle.resume(scope, subject) from treadle.pauses'),
    );
    return rows.length;
  }

  /** How many tasks exist and how many of them have ended; undefined while Postgres is away. */
  async progress(): Promise<
    { readonly tasks: number; readonly ended: number; readonly paused: number } | undefined
  > {
    const rows = await this.database
      .query<{ tasks: number; ended: number; paused: number }>(
        `select count(*) as tasks,
           count(*) filter (where c.to_state in ('complete', 'error', 'cancelled', 'resolved_manually')) as ended,
           count(*) filter (where p.subject is not null
             and coalesce(c.to_state, 'pending') not in ('complete', 'error', 'cancelled', 'resolved_manually')) as paused
         from public.tasker_tasks t
         left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
         left join treadle.pauses p on p.scope = 'task' and p.subject = t.task_id::text`,
      )
      .catch(() => []);
    return rows[0];
  }

  /** No step runs and no change of another hand waits; of paused tasks what runs goes on. */
  async isQuiet(): Promise<boolean> {
    const [row] = await this.database.query<{ quiet: boolean }>(
      `select not exists (select from treadle.claims) and not exists (select from treadle.changed_tasks)
         and not exists (select from treadle.wakeups where run_at < treadle.now() + interval '5 seconds') as quiet`,
    );
    return row?.quiet ?? false;
  }

  /** Which tasks have not ended, and in the engine's own words why. */
  async explainOpenTasks(): Promise<string[]> {
    const rows = await this.database.query<{ sentence: string }>(
      `select 'task ' || t.task_id || ' is ' || coalesce(c.to_state, 'pending') || '; '
         || coalesce(string_agg(distinct treadle.explain_step(s.workflow_step_id), '; '), 'no steps') as sentence
       from public.tasker_tasks t
       left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
       left join public.tasker_workflow_steps s on s.task_id = t.task_id
       where coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
       group by t.task_id, c.to_state
       order by t.task_id
       limit 10`,
    );
    return rows.map(({ sentence }) => sentence);
  }

  /** What would change if the derived rows of all tasks were built anew. */
  rebuildDifferences(): Promise<string[]> {
    return rebuildDifferences(this.database);
  }

  async #persistently<Result>(work: () => Promise<Result>): Promise<Result> {
    const giveUp = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const away = error instanceof TreadleError && error.code === 'database_unavailable';
        if (!away || Date.now() > giveUp) throw error;
        await pause(TRY_AGAIN_MS);
      }
    }
  }
}

const DERIVED = `
  select 'ready step ' || workflow_step_id || case when held then ' held' else '' end as row from treadle.ready_steps
  union all
  select 'gate ' || workflow_step_id || ': ' || open_parents from treadle.gates`;

/** Built anew by the engine's own hand, in a transaction that is rolled back. */
export async function rebuildDifferences(database: Database): Promise<string[]> {
  const client = await database.pool.connect();
  const derived = async (): Promise<string[]> => {
    return (await client.query<{ row: string }>(DERIVED)).rows.map(({ row }) => row);
  };
  try {
    await client.query('begin');
    const before = await derived();
    await client.query(
      'select treadle.refresh_tasks(array(select task_id from public.tasker_tasks order by task_id))',
    );
    const after = await derived();
    return [
      ...before.filter((row) => !after.includes(row)).map((row) => `${row}: a rebuild has it not`),
      ...after.filter((row) => !before.includes(row)).map((row) => `${row}: only a rebuild has it`),
    ];
  } finally {
    await client.query('rollback');
    client.release();
  }
}
