// Behind a pooler in transaction mode no session is our own: no notification arrives and no lock lives as long as we do.
// Polling and leases carry everything. Where pgbouncer is not installed these tests are skipped.
import { describe, expect, onTestFinished, test } from 'vitest';
import { Database } from '../../sql/database.ts';
import { treadle } from '../support/cli.ts';
import { create, runToEnd, startEngine } from '../support/engines.ts';
import { stepIdsOf, templateOf } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { LogBook } from '../support/logs.ts';
import { PGBOUNCER, pooled } from '../support/poolers.ts';
import { testDatabase } from '../support/postgres.ts';
import { statesThrough } from '../support/trail.ts';
import { startWorker } from '../support/workers.ts';

const home = testDatabase();
const noWait = { base_seconds: 0.01, factor: 1, max_seconds: 0.01, jitter: 0 };

/** A pool on the database of this file that leads through pgbouncer. */
async function pooledDatabase(): Promise<Database> {
  const database = new Database({ url: await pooled(home.url) });
  onTestFinished(() => database.close());
  return database;
}

describe.skipIf(PGBOUNCER === undefined)('behind pgbouncer', () => {
  test('through pgbouncer every task ends, with retries and parallel branches', async () => {
    const database = await pooledDatabase();
    const shape = { top: [], left: ['top'], right: ['top'], bottom: ['left', 'right'] };
    const template = templateOf(shape, { each: { handler_class: 'flaky', backoff: noWait } });
    const flaky = ({ step }: { step: { attempt: number; name: string } }) => {
      if (step.name === 'left' && step.attempt === 1) throw new Error('not yet');
    };
    const book = new LogBook();
    const engine = await startEngine({ database, templates: [template], works: { flaky }, log: book.log });
    const { namespace_name, name } = template;
    const tasks = await engine.createTasks(
      Array.from({ length: 50 }, (_, n) => ({ namespace_name, name, context: { n } })),
    );
    const states = await Promise.all(tasks.map(({ task_id }) => engine.waitForTask(task_id)));
    expect(new Set(states)).toEqual(new Set(['complete']));
    expect(book.messages(/behind a pooler/)).toHaveLength(1);
  });

  test('an engine behind a pooler holds no lock for life, and nobody takes it for dead', async () => {
    const database = await pooledDatabase();
    const engine = await startEngine({ database, works: {} });
    const [worker] = await home.database.query(
      'select session_lock from treadle.workers where worker_id = $1',
      [engine.stats().worker_id],
    );
    expect(worker).toEqual({ session_lock: false });
  });

  test('the step of a process killed behind a pooler comes back when its lease has ended', async () => {
    const template = templateOf({ held: [] }, { each: { handler_class: 'stuckOnce' } });
    const database = await pooledDatabase();
    const there = await startWorker({ url: database.url, templates: [template], leaseSeconds: 1 });
    const creator = await startEngine({ database, templates: [template], works: {} });
    const taskId = await create(creator, template);
    await there.begins('held', 1);
    const works = { stuckOnce: () => 1 };
    const here = await startEngine({ database, templates: [template], works, leaseSeconds: 1 });
    there.kill('SIGKILL');
    expect(await here.waitForTask(taskId)).toBe('complete');
    const [step] = Object.values(await stepIdsOf(home.database, taskId));
    expect((await statesThrough(home.database, 'workflow_step', step ?? 0)).slice(0, 2)).toEqual([
      'in_progress',
      'error',
    ]);
  });

  test('treadle doctor says that notifications do not arrive through it', async () => {
    const { stdout } = await treadle(['doctor'], { url: await pooled(home.url) });
    expect(stdout).toMatch(/warn {2}pooling +a pooler hands connections out per transaction/);
  });

  test('two engines, one behind a pooler and one not, share the work', async () => {
    const template = templateOf({ here: [], there: ['here'] });
    const options = { templates: [template] };
    const one = await startEngine({ ...options, database: await pooledDatabase(), works: { here: () => 1 } });
    await startEngine({ ...options, database: home.database, works: { there: () => 2 } });
    expect(await runToEnd(one, template)).toMatchObject({ state: 'complete' });
  });
});

test('after all of the above every row keeps the rules of the Rails engine', async () => {
  expect(await violations(home.database)).toEqual([]);
});
