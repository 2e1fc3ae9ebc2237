// Looks at pg_locks every few milliseconds: which locks above ROW EXCLUSIVE somebody holds on tables of the Rails engine and for how long
// (never too little: from the last look without the lock to the first one without it again), and how long the app waits for any lock.
import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../../sql/database.ts';

export interface HeldLock {
  readonly relation: string;
  readonly mode: string;
  readonly held_ms: number;
}

export interface SeenLocks {
  readonly looks: number;
  /** The longest first. */
  readonly held: readonly HeldLock[];
  /** The longest wait of the app for a lock. */
  readonly longest_wait_ms: number;
}

interface Look {
  readonly held: readonly { readonly pid: number; readonly relation: string; readonly mode: string }[];
  readonly waited_ms: number;
}

const LOOK_EVERY_MS = 2;

export class LockSampler {
  readonly #database: Database;
  readonly #application: string;
  readonly #open = new Map<string, HeldLock & { readonly since: number }>();
  readonly #held: HeldLock[] = [];
  #running: Promise<void> | undefined;
  #stopped = false;
  #looks = 0;
  #longestWaitMs = 0;

  constructor(database: Database, application: string) {
    this.#database = database;
    this.#application = application;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<SeenLocks> {
    this.#stopped = true;
    await this.#running;
    const held = this.#held.toSorted((one, other) => other.held_ms - one.held_ms);
    return { looks: this.#looks, held, longest_wait_ms: this.#longestWaitMs };
  }

  async #run(): Promise<void> {
    let before = performance.now();
    while (!this.#stopped) {
      const lookedAt = performance.now();
      const [look] = await this.#database.query<Look>(LOOK, [this.#application]);
      this.#looks += 1;
      this.#longestWaitMs = Math.max(this.#longestWaitMs, look?.waited_ms ?? 0);
      this.#compare(look?.held ?? [], before);
      before = lookedAt;
      await pause(LOOK_EVERY_MS);
    }
  }

  #compare(held: Look['held'], before: number): void {
    const now = new Map(held.map((lock) => [`${lock.pid} ${lock.relation} ${lock.mode}`, lock]));
    for (const [key, { since, relation, mode }] of this.#open) {
      if (now.has(key)) continue;
      this.#held.push({ relation, mode, held_ms: performance.now() - since });
      this.#open.delete(key);
    }
    for (const [key, { relation, mode }] of now) {
      if (!this.#open.has(key)) this.#open.set(key, { since: before, relation, mode, held_ms: 0 });
    }
  }
}

/** SHARE UPDATE EXCLUSIVE is that of autovacuum and ANALYZE, which no writer minds. */
const LOOK = `
  with locks as (
    select l.*, c.relname
    from pg_locks l
    left join pg_class c on c.oid = l.relation and c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and l.locktype = 'relation' and l.database = (select oid from pg_database where datname = current_database())
  )
  select
    coalesce(
      (
        select jsonb_agg(jsonb_build_object('pid', l.pid, 'relation', l.relname, 'mode', l.mode))
        from locks l
        join pg_stat_activity a on a.pid = l.pid and a.backend_type = 'client backend'
        where l.granted and l.relname is not null
          and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
      ),
      '[]'
    ) as held,
    coalesce(
      (
        select max(extract(epoch from clock_timestamp() - l.waitstart) * 1000)
        from locks l
        join pg_stat_activity a on a.pid = l.pid
        where not l.granted and a.datname = current_database() and a.application_name = $1
      ),
      0
    )::double precision as waited_ms`;
