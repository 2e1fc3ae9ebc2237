// Dropping and restoring indexes: everything comes back word for word, nothing else is touched, and work goes on meanwhile.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareCatalog, railsCatalog, readCatalog } from '../../sql/catalog.ts';
import { Database } from '../../sql/database.ts';
import { DISPENSABLE, withoutDispensed } from '../../sql/dispensable-indexes.ts';
import { dropIndexes, restoreIndexes, type ChangedIndex } from '../../sql/index-changes.ts';
import { migrate } from '../../sql/migrate.ts';
import { droppedIndexes, planTuning } from '../../sql/tuning.ts';
import { carryOut, startedWorld } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const CLEAN = { differences: [], extras: [] };
const PATIENT = { lockTimeoutSeconds: 20 };
const IMPATIENT = { lockTimeoutSeconds: 0.05 };

let test: TestDatabase;
beforeEach(async () => {
  test = await createTestDatabase();
});
afterEach(() => test.drop());

async function collected(changes: AsyncGenerator<ChangedIndex>): Promise<ChangedIndex[]> {
  const indexes: ChangedIndex[] = [];
  for await (const index of changes) indexes.push(index);
  return indexes;
}

async function drop(options = PATIENT): Promise<ChangedIndex[]> {
  const { drop: planned } = await planTuning(test.database, 'all');
  return collected(dropIndexes(test.database, planned, options));
}

const restore = (options = PATIENT): Promise<ChangedIndex[]> =>
  collected(restoreIndexes(test.database, options));

/** Every index of the schema public, word for word. */
async function definitions(): Promise<string[]> {
  const rows = await test.database.query<{ definition: string }>(
    `select indexdef as definition from pg_indexes where schemaname = 'public' order by indexname collate "C"`,
  );
  return rows.map(({ definition }) => definition);
}

async function comparison(): Promise<ReturnType<typeof compareCatalog>> {
  return compareCatalog(await railsCatalog(), await readCatalog(test.database));
}

describe('dropping', () => {
  it('takes away what was planned and nothing else', async () => {
    const before = await definitions();
    const changed = await drop();
    const stays = before.filter((definition) => !DISPENSABLE.has(definition.split(' ')[2] ?? ''));
    expect(changed.map(({ index_name, done }) => [index_name, done])).toEqual(
      [...DISPENSABLE.keys()].map((name) => [name, true]),
    );
    expect(await definitions()).toEqual(stays);
  });

  it('leaves an index alone that somebody has changed since the plan was made', async () => {
    const { drop: planned } = await planTuning(test.database, 'all');
    const tags = planned.find(({ index_name }) => index_name === 'tasks_tags_idx');
    await test.database.query(
      'drop index tasks_tags_idx; create index tasks_tags_idx on tasker_tasks (reason)',
    );
    const changed = await collected(dropIndexes(test.database, tags ? [tags] : [], PATIENT));
    expect(changed).toEqual([expect.objectContaining({ index_name: 'tasks_tags_idx', done: false })]);
    expect(await droppedIndexes(test.database)).toEqual([]);
  });
});

describe('restoring', () => {
  it('makes everything again, word for word', async () => {
    const before = await definitions();
    await drop();
    await restore();
    expect(await definitions()).toEqual(before);
    expect(await comparison()).toEqual(CLEAN);
    expect(await droppedIndexes(test.database)).toEqual([]);
  });

  it('forgets what somebody has made again by hand', async () => {
    await drop();
    await test.database.query('create index tasks_requested on tasker_tasks (requested_at)');
    await test.database.query('create index tasks_tags_idx on tasker_tasks using gin (tags)');
    expect((await restore()).every(({ done }) => done)).toBe(true);
    expect(await comparison()).toMatchObject({ differences: [] });
  });

  it('leaves another index of the same name alone and goes on remembering the one that was dropped', async () => {
    await drop();
    await test.database.query('create index tasks_tags_idx on tasker_tasks (reason)');
    const left = (await restore()).filter(({ done }) => !done);
    expect(left).toMatchObject([{ index_name: 'tasks_tags_idx' }]);
    expect(await droppedIndexes(test.database)).toMatchObject([{ index_name: 'tasks_tags_idx' }]);
  });
});

describe('while others work', () => {
  it('steps are claimed and recorded all the time, and nothing is amiss afterwards', async () => {
    let [finished, stop] = [0, false];
    const work = async (): Promise<void> => {
      while (!stop) {
        // oxlint-disable-next-line no-await-in-loop -- one task after the other
        await carryOut(await startedWorld(test.database, { a: [], b: ['a'] }), 'a', 'b');
        finished += 1;
      }
    };
    const working = work();
    await drop();
    const whenDropped = finished;
    await restore();
    stop = true;
    await working;
    expect(whenDropped).toBeGreaterThan(0);
    expect(finished).toBeGreaterThan(whenDropped);
    expect(await violations(test.database)).toEqual([]);
    expect(await comparison()).toEqual(CLEAN);
  });

  it('a transaction that stays open ends it with one line, and the next run goes on', async () => {
    await test.database.transaction(async (tx) => {
      await tx.query('select from tasker_workflow_step_edges');
      await expect(drop(IMPATIENT)).rejects.toMatchObject({
        code: 'database_error',
        message: expect.stringMatching(
          /^idx_workflow_step_edges_dependency_lookup: waited 0\.05 s for transactions of others \(process \d+, "treadle test", has one open for \d+ s\); let them end and run it again/,
        ),
      });
    });
    const halfway = (await droppedIndexes(test.database)).filter(({ is_valid }) => is_valid === false);
    expect(halfway).toMatchObject([{ index_name: 'idx_workflow_step_edges_dependency_lookup' }]);
    await drop();
    const { differences } = compareCatalog(
      withoutDispensed(await railsCatalog(), await readCatalog(test.database)),
      await readCatalog(test.database),
    );
    expect([differences, (await droppedIndexes(test.database)).length]).toEqual([[], DISPENSABLE.size]);
  });

  it('what a restore could not finish is cleaned up by the next one', async () => {
    await drop();
    await test.database.transaction(async (tx) => {
      await tx.query('lock table tasker_workflow_step_edges in row exclusive mode');
      await expect(restore(IMPATIENT)).rejects.toThrow('waited 0.05 s for transactions of others');
    });
    const halfway = (await droppedIndexes(test.database)).filter(({ is_valid }) => is_valid === false);
    expect(halfway).toHaveLength(1);
    await restore();
    expect(await comparison()).toEqual(CLEAN);
  });

  it('a second run is refused while the first is at work', async () => {
    const { drop: planned } = await planTuning(test.database, 'all');
    const first = dropIndexes(test.database, planned, PATIENT);
    await first.next();
    await expect(drop(IMPATIENT)).rejects.toThrow('another "treadle tune" is at work on this database');
    await first.return(undefined);
    expect(await drop()).toHaveLength(DISPENSABLE.size - 1);
  });
});

describe('a tuned database', () => {
  it('has nothing to migrate', async () => {
    await drop();
    expect(await migrate(test.database)).toMatchObject({ applied: [], functionsInstalled: 0 });
    expect(await droppedIndexes(test.database)).toHaveLength(DISPENSABLE.size);
  });

  it('is adopted when only the schema public of it was kept', async () => {
    await drop();
    await test.database.query('drop schema treadle cascade');
    const database = new Database({ url: test.url });
    expect(await migrate(database)).toMatchObject({ adopted: true });
    await database.close();
  });
});
