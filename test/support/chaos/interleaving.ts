// Deterministic interleavings on real connections. An operation runs in a transaction that stays open until the schedule
// says commit, so operations of several connections wait for each other on real locks. Who waits is asked of Postgres.
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { ClientExecutor, type Database, type Executor } from '../../../sql/database.ts';

/** One thing that an engine, an operator or another program does in one transaction. */
export interface Operation {
  readonly name: string;
  readonly run: (db: Executor) => Promise<unknown>;
}

/** An operation that Postgres refused; its transaction was rolled back. */
export interface Refusal {
  readonly operation: string;
  readonly error: unknown;
}

/** Most operations end sooner, and need no look at all. */
const LOOK_MS = 2;
const MOST_LOOKS = 5000;

type Phase = 'idle' | 'running' | 'done';

/** One connection of a schedule, with at most one transaction open. */
class Hand {
  readonly client: pg.PoolClient;
  readonly pid: number;
  phase: Phase = 'idle';
  #work: Promise<void> = Promise.resolve();

  constructor(client: pg.PoolClient, pid: number) {
    this.client = client;
    this.pid = pid;
  }

  /** Sends it off. `onError` hears what Postgres refuses; the transaction is rolled back then. */
  begin(operation: Operation, onError: (error: unknown) => void): void {
    this.phase = 'running';
    this.#work = this.#run(operation).catch(async (error: unknown) => {
      onError(error);
      await this.client.query('rollback');
      this.phase = 'idle';
    });
  }

  async #run(operation: Operation): Promise<void> {
    await this.client.query('begin');
    await operation.run(new ClientExecutor(this.client));
    this.phase = 'done';
  }

  async commit(): Promise<void> {
    await this.client.query('commit');
    this.phase = 'idle';
  }

  /** Resolves when the operation has ended, well or not. */
  ended(): Promise<void> {
    return this.#work;
  }
}

/** What became of the schedules that ran here. */
export interface Tally {
  schedules: number;
  operations: number;
  /** Operations that had to wait for a lock. */
  waits: number;
}

export class Interleaver {
  readonly tally: Tally = { schedules: 0, operations: 0, waits: 0 };
  readonly #hands: readonly Hand[];
  readonly #observer: pg.PoolClient;

  private constructor(hands: readonly Hand[], observer: pg.PoolClient) {
    this.#hands = hands;
    this.#observer = observer;
  }

  /** Takes `count` connections of the pool, and one to look. */
  static async open(database: Database, count: number): Promise<Interleaver> {
    const hands: Hand[] = [];
    for (let index = 0; index < count; index += 1) {
      const client = await database.pool.connect();
      // a deadlock must show at once, and is a failure here
      await client.query(`set deadlock_timeout = '20ms'`);
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      hands.push(new Hand(client, rows[0]?.pid ?? 0));
    }
    return new Interleaver(hands, await database.pool.connect());
  }

  get size(): number {
    return this.#hands.length;
  }

  close(): void {
    for (const { client } of this.#hands) client.release(true);
    this.#observer.release();
  }

  /**
   * Plays a schedule: each turn names a connection, which begins its next operation, or commits the one it has done. A turn
   * of a connection that waits for a lock passes. At the end all commit. Returns what Postgres refused.
   */
  async play(turns: readonly number[], operations: readonly (readonly Operation[])[]): Promise<Refusal[]> {
    const refusals: Refusal[] = [];
    const queues = operations.map((list) => [...list]);
    const turn = async (index: number): Promise<void> => {
      const hand = this.#hands[index];
      if (!hand || hand.phase === 'running') return;
      if (hand.phase === 'done') await hand.commit();
      else {
        const next = queues[index]?.shift();
        if (!next) return;
        this.tally.operations += 1;
        hand.begin(next, (error) => refusals.push({ operation: next.name, error }));
      }
      await this.#untilQuiet();
    };
    for (const index of turns) await turn(index);
    while (this.#hands.some((hand, index) => hand.phase !== 'idle' || (queues[index]?.length ?? 0) > 0)) {
      for (const index of this.#hands.keys()) await turn(index);
      await this.#untilQuiet(); // when nobody has a turn left, some still wait
    }
    this.tally.schedules += 1;
    return refusals;
  }

  /** Every operation under way has ended or waits for a lock. */
  async #untilQuiet(): Promise<void> {
    let looks = 0;
    for (;;) {
      const under = this.#hands.filter((hand) => hand.phase === 'running').map((hand) => hand.ended());
      await Promise.race([Promise.all(under), pause(LOOK_MS)]);
      const running = this.#hands.filter((hand) => hand.phase === 'running');
      if (running.length === 0) return;
      const pids = running.map((hand) => hand.pid);
      const { rows } = await this.#observer.query<{ blocked: boolean }>({
        name: 'who waits',
        text: 'select bool_and(cardinality(pg_blocking_pids(pid)) > 0) as blocked from unnest($1::int[]) as pid',
        values: [pids],
      });
      const still = this.#hands.filter((hand) => hand.phase === 'running');
      if (rows[0]?.blocked && still.length === running.length) {
        const releasable = this.#hands.some((hand) => hand.phase === 'done');
        if (releasable) {
          this.tally.waits += 1;
          return;
        }
        await Promise.race(still.map((hand) => hand.ended())); // they wait for each other: Postgres ends one of them
      }
      looks += 1;
      if (looks > MOST_LOOKS) throw new Error('an operation neither ends nor waits for a lock');
    }
  }
}
