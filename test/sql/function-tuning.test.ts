// `treadle tune functions`: an adopted database answers with our view and functions, everything comes back word for word, and migrate and
// the app may do what they do meanwhile.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  judgeObjects,
  publicDefinitions,
  replacedDefinitions,
} from '../../sql/function-tuning/definitions.ts';
import { keptCounts } from '../../sql/function-tuning/kept-counts.ts';
import { planFunctions, requireAdopted } from '../../sql/function-tuning/tuning.ts';
import { migrate, migrationStatus } from '../../sql/migrate.ts';
import { copyOf, createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { catalogOf, createAdopted, restoreIn, tuneIn } from '../support/rails-originals.ts';

const VIEW = 'tasker_step_dag_relationships';
const HEALTH = 'get_system_health_counts_v01';
const ALL = 10;
/** Several of each are written. */
const SLOW = { timeout: 60_000 };

let adopted: TestDatabase;
let home: TestDatabase;
beforeAll(async () => {
  adopted = await createAdopted();
}, 60_000);
beforeEach(async () => {
  home = await copyOf(adopted);
});
afterEach(() => home.drop());
afterAll(() => adopted.drop());

const query = (text: string): Promise<Record<string, unknown>[]> => home.database.query(text);
const verdicts = async (): Promise<Record<string, unknown>> =>
  Object.fromEntries((await judgeObjects(home.database, 'all')).map((one) => [one.object_name, one.verdict]));
const whyLeft = async (name: string): Promise<string | undefined> => {
  const found = (await judgeObjects(home.database, 'all')).find(({ object_name }) => object_name === name);
  return found?.verdict === 'left' ? found.why : undefined;
};

/** As printed, of this database and of one that Treadle made. */
async function definitions({ database }: TestDatabase): Promise<string[]> {
  const names = (await judgeObjects(database, 'all')).map(({ object_name }) => object_name);
  return (await publicDefinitions(database, names)).map(({ definition }) => definition);
}

async function madeByTreadle<Result>(look: (made: TestDatabase) => Promise<Result>): Promise<Result> {
  const made = await createTestDatabase();
  try {
    return await look(made);
  } finally {
    await made.drop();
  }
}

describe('tuning', () => {
  it('puts there what migrate installs where Treadle makes the database', async () => {
    const steps = await tuneIn(home);
    expect(steps.filter(({ what }) => what === 'object')).toHaveLength(ALL);
    expect(await definitions(home)).toEqual(await madeByTreadle(definitions));
    expect(Object.values(await verdicts())).toEqual(Array.from({ length: ALL }, () => 'ours'));
  });

  it('makes the triggers that a database of Treadle has', async () => {
    const triggers = ({ database }: TestDatabase): Promise<object[]> =>
      database.query('select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal order by 1');
    await tuneIn(home);
    expect(await triggers(home)).toEqual(await madeByTreadle(triggers));
  });

  it('leaves owners, grants, comments and dependants as they are', async () => {
    const belongings = (): Promise<object[]> =>
      query(`select oid, proowner, proacl, obj_description(oid) from pg_proc where pronamespace = 'public'::regnamespace
             union all select oid, relowner, relacl, obj_description(oid) from pg_class where relkind = 'v' and relnamespace = 'public'::regnamespace
             order by 1`);
    const before = await belongings();
    await tuneIn(home);
    expect(await belongings()).toEqual(before);
    expect((await query('select * from of_the_app')).length).toBeGreaterThan(0);
  });

  it('with "reports" leaves alone what the Rails engine decides by', async () => {
    await tuneIn(home, 'reports');
    expect(await verdicts()).toMatchObject({
      [VIEW]: 'ours',
      [HEALTH]: 'ours',
      get_slowest_tasks_v01: 'ours',
      get_step_readiness_status: 'replace',
      get_task_execution_contexts_batch: 'replace',
      calculate_dependency_levels: 'replace',
    });
  });

  it('done twice it keeps what was there at first', async () => {
    await tuneIn(home);
    const kept = await replacedDefinitions(home.database);
    expect(await tuneIn(home)).toEqual([]);
    expect(await replacedDefinitions(home.database)).toEqual(kept);
  });

  it('is for adopted databases only', async () => {
    await madeByTreadle(async ({ database }) => {
      await expect(requireAdopted(database)).rejects.toThrow('Treadle made this one');
    });
  });
});

describe('restoring', () => {
  it('gives back what was there, word for word in the catalogue', async () => {
    const before = await catalogOf(home);
    await tuneIn(home);
    expect(await catalogOf(home)).not.toEqual(before);
    await restoreIn(home);
    expect(await catalogOf(home)).toEqual(before);
    expect(await replacedDefinitions(home.database)).toEqual([]);
    expect(await keptCounts(home.database)).toEqual({ triggers: 0, of: 12, counted_at: null });
  });

  it('makes again what was dropped, with its owner, grants and comment', async () => {
    await tuneIn(home);
    const kept = await replacedDefinitions(home.database);
    await query(
      `drop view of_the_app; drop view ${VIEW}; drop function ${HEALTH}; drop function get_slowest_tasks_v01`,
    );
    await restoreIn(home);
    const found = await publicDefinitions(home.database, [VIEW, HEALTH, 'get_slowest_tasks_v01']);
    for (const { peculiarity: _, refusal: __, ...one } of found)
      expect(kept).toContainEqual(expect.objectContaining(one));
    expect(found).toHaveLength(3);
  });

  it('leaves alone what the app has replaced since, and goes on remembering', async () => {
    await tuneIn(home);
    await query(`alter function ${HEALTH}() set work_mem = '8MB'`);
    const left = (await restoreIn(home)).filter(
      (step) => step.what === 'object' && step.outcome === 'changed',
    );
    expect(left).toMatchObject([{ object_name: HEALTH }]);
    expect(await replacedDefinitions(home.database)).toMatchObject([{ object_name: HEALTH }]);
  });
});

/** One column more. */
const ANOTHER_VIEW = `
  alter view ${VIEW} rename to of_rails;
  create view ${VIEW} as select *, 1 as mine from of_rails`;

describe('what stays as it is', () => {
  it.each([
    ['other columns', VIEW, ANOTHER_VIEW, /^view tasker_step_dag_relationships: columns: expected .*, found .*mine integer$/],
    ['an option', VIEW, `alter view ${VIEW} set (security_barrier)`, /^it has options of its own$/],
    ['another result', HEALTH, `drop function ${HEALTH}; create function ${HEALTH}() returns table (total_tasks bigint) language sql as 'select 1::bigint'`, /^function get_system_health_counts_v01: expected .*, found \(\) returns SETOF bigint \(total_tasks bigint\) sql VOLATILE$/],
    ['a second signature', HEALTH, `create function ${HEALTH}(integer) returns integer language sql as 'select 1'`, /^there are 2 of this name$/],
    ['the rights of its owner', HEALTH, `alter function ${HEALTH}() security definer`, /^it is security definer$/],
    ['settings', HEALTH, `alter function ${HEALTH}() set work_mem = '8MB'`, /^it has settings of its own$/],
    ['nothing', HEALTH, `drop function ${HEALTH}`, /^there is none here$/],
  ])('with %s: %s', async (_, name, change, why) => {
    await query(change);
    expect(await whyLeft(name)).toMatch(why);
    await tuneIn(home);
    expect((await replacedDefinitions(home.database)).map(({ object_name }) => object_name)).not.toContain(name);
    expect(await replacedDefinitions(home.database)).toHaveLength(ALL - 1);
  }); // prettier-ignore

  it('and what a run before has put there, when nothing is known of it any more', async () => {
    await tuneIn(home);
    await query('drop schema treadle cascade');
    await migrate(home.database);
    expect(await whyLeft(HEALTH)).toBe("it is Treadle's already, and what was there before is not known");
  });

  it('and what belongs to somebody else, said in one line', async () => {
    const [row] = await home.database.transaction(async (tx) => {
      await tx.query('grant usage on schema treadle to pg_monitor; set local role pg_monitor');
      return tx.query(`select refusal from treadle.public_definitions('{${HEALTH}}')`);
    });
    expect(row).toEqual({ refusal: 'it belongs to postgres, and pg_monitor may not change it' });
  });
});

const OTHER_BODY = `
  do $do$
  begin
    execute regexp_replace(pg_get_functiondef('public.${HEALTH}'::regproc), '\\mbegin\\M', 'begin -- other');
  end
  $do$`;

/** As if another version had installed it. */
const OTHER_VERSION = `
  ${OTHER_BODY};
  update treadle.replaced_definitions
  set source_hash = 'other', ours = (select definition from treadle.public_definitions('{${HEALTH}}'))
  where object_name = '${HEALTH}'`;

describe('migrate', SLOW, () => {
  it('neither undoes nor doubles it', async () => {
    await tuneIn(home);
    const before = await catalogOf(home);
    expect(await migrationStatus(home.database)).toMatchObject({ pending: [], functionsCurrent: true });
    expect(await migrate(home.database)).toMatchObject({ applied: [], functionsInstalled: 0 });
    await query(`update treadle.settings set value = '"other"' where key = 'functions_hash'`);
    expect(await migrate(home.database)).toMatchObject({ applied: [], adopted: true });
    expect(await catalogOf(home)).toEqual(before);
  });

  it('renews ours of another version, and what was there before still comes back', async () => {
    const before = await catalogOf(home);
    await tuneIn(home);
    const tuned = await catalogOf(home);
    await query(OTHER_VERSION);
    expect(await migrationStatus(home.database)).toMatchObject({ functionsCurrent: false });
    expect(await migrate(home.database)).toMatchObject({ functionsInstalled: 1 });
    expect(await migrationStatus(home.database)).toMatchObject({ functionsCurrent: true });
    expect(await catalogOf(home)).toEqual(tuned);
    await restoreIn(home);
    expect(await catalogOf(home)).toEqual(before);
  });

  it('leaves alone what the app has put there since', async () => {
    await tuneIn(home);
    await query(OTHER_BODY);
    await query(`update treadle.replaced_definitions set source_hash = 'other'`);
    const lines: string[] = [];
    const { functionsInstalled } = await migrate(home.database, { onProgress: (line) => lines.push(line) });
    expect(functionsInstalled).toBe(ALL - 1);
    expect(lines).toEqual([
      expect.stringContaining(`${HEALTH} is not what "treadle tune functions" put there`),
    ]);
    expect(await verdicts()).toMatchObject({ [HEALTH]: 'replace', [VIEW]: 'ours' });
  });

  it('takes what another version of Postgres prints for ours', async () => {
    const before = await catalogOf(home);
    await tuneIn(home);
    await query(`update treadle.replaced_definitions set ours = 'printed otherwise', server_version = 13`);
    expect(Object.values(await verdicts())).not.toContain('replace');
    await restoreIn(home);
    expect(await catalogOf(home)).toEqual(before);
  });
});

it('after all of it there is nothing left to tune', async () => {
  await tuneIn(home);
  const { objects, counts } = await planFunctions(home.database, 'all');
  expect(objects.map(({ verdict }) => verdict)).not.toContain('replace');
  expect(counts).toEqual({ triggers: 12, of: 12, counted_at: expect.any(Date) });
});
