// Claims, recordings, starts, cancellations and changes of limits by many connections at once: nobody waits for somebody who
// waits for him, and no key ever has more running than it may.
import { expect, test } from 'vitest';
import type { ClaimedStep } from '../../sql/delivery.ts';
import { removeLimits, setLimits } from '../../sql/limits.ts';
import { createTasks, startTasks } from '../../sql/tasks.ts';
import { uniqueName } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { AGAIN, customerOf, end, limitedWorld, take, type LimitedWorld } from '../support/limited.ts';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();
const LIMIT = 2;

class Crowd {
  readonly worlds: readonly LimitedWorld[];
  readonly #running = new Map<ClaimedStep, string>();
  readonly counts = new Map<string, number>();
  most = 0;
  claimed = 0;
  #turn = 0;

  constructor(worlds: readonly LimitedWorld[]) {
    this.worlds = worlds;
  }

  next(): LimitedWorld {
    this.#turn += 1;
    const world = this.worlds[this.#turn % this.worlds.length];
    if (!world) throw new Error('there is no world');
    return world;
  }

  begin(world: LimitedWorld, steps: readonly ClaimedStep[]): void {
    for (const step of steps) {
      const key = `${world.name}/${customerOf(step)}`;
      this.#running.set(step, key);
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
      this.most = Math.max(this.most, this.counts.get(key) ?? 0);
      this.claimed += 1;
    }
  }

  /** Before the database is told: it may give the slot to somebody else before we hear of it. */
  leave(steps: readonly ClaimedStep[]): void {
    for (const step of steps) {
      const key = this.#running.get(step) ?? '';
      this.#running.delete(step);
      this.counts.set(key, (this.counts.get(key) ?? 0) - 1);
    }
  }

  async start(world: LimitedWorld): Promise<void> {
    const customers = ['a', 'b', 'c'].map((customer) => ({ customer }));
    const rows = customers.map((context) => ({ identity_hash: uniqueName('identity'), context }));
    const created = await createTasks(home.database, world.namedTaskId, rows, { enqueued: true });
    const taking = { handlers: [world.handler], capacity: 3, lateStart: true };
    const ids = created.map(({ task_id }) => task_id);
    const { claimed } = await startTasks(home.database, ids, world.worker, taking);
    this.begin(world, claimed);
    await this.finish(world, claimed);
  }

  async claim(world: LimitedWorld): Promise<void> {
    const { steps } = await take(world, home.database, 4);
    this.begin(world, steps);
    await this.finish(world, steps);
  }

  async finish(world: LimitedWorld, steps: readonly ClaimedStep[]): Promise<void> {
    if (steps.length === 0) return;
    const [first, ...rest] = steps;
    this.leave(steps);
    if (first && this.claimed % 5 === 0) {
      await home.database.query(`select treadle.cancel_tasks($1, 'me')`, [[first.task_id]]);
    } else if (first) {
      await end(world, [first], AGAIN);
    }
    await end(world, rest);
  }
}

async function changeLimits({ handler, name }: LimitedWorld, turn: number): Promise<void> {
  const subject = turn % 2 === 0 ? ({ scope: 'handler', subject: handler } as const) : NAMESPACE;
  if (turn % 3 === 0) await removeLimits(home.database, subject);
  else await setLimits(home.database, subject, { concurrency: 3 + turn, rate: { limit: 50, per_ms: 100 } });
  if (turn % 4 === 0) await home.database.query(`select treadle.hold_ready_steps('handler', $1)`, [name]);
}
const NAMESPACE = { scope: 'namespace', subject: 'test' } as const;

test('whoever claims, records, starts, cancels and changes limits at once, nobody deadlocks and no limit is broken', async () => {
  const limits = { concurrency: { limit: LIMIT, key: '{{ context.customer }}' }, default_retry_limit: 3 };
  const worlds = [await limitedWorld(home.database, limits), await limitedWorld(home.database, limits)];
  const crowd = new Crowd(worlds);
  const lanes = [1, 2, 3, 4, 5, 6].map(async (lane) => {
    for (let turn = 0; turn < 25; turn += 1) {
      if (lane === 1) await changeLimits(crowd.next(), turn);
      else if (lane <= 3) await crowd.start(crowd.next());
      else await crowd.claim(crowd.next());
    }
  });
  await Promise.all(lanes);
  await removeLimits(home.database, NAMESPACE);
  expect(crowd.most).toBeLessThanOrEqual(LIMIT);
  expect(crowd.claimed).toBeGreaterThan(100);
  const [row] = await home.database.query<{ deadlocks: number }>(
    'select deadlocks::integer as deadlocks from pg_stat_database where datname = current_database()',
  );
  expect(row).toEqual({ deadlocks: 0 });
  expect(await violations(home.database)).toEqual([]);
}, 120_000);
