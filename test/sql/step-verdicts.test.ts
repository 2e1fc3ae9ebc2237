// The engine's rule of readiness beside the one for Rails readers, on the measured worlds of the Rails engine; and each
// verdict as a small case.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  claim,
  createdWorld,
  failed,
  idOf,
  record,
  startedWorld,
  writeAsRails,
  type World,
} from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { loadWorld, type RailsCase } from '../support/rails-world.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const home = testDatabase();

const cases = readFileSync(new URL('../data/rails-vectors.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as RailsCase);

test.each(cases)('$id: both rules call the same steps ready ($note)', async (world) => {
  const [answer] = await inRolledBackTransaction(home.database, async (tx) => {
    const { taskId, stepIds } = await loadWorld(tx, world);
    return tx.query(
      `select
         array(
           select v.workflow_step_id
           from treadle.step_verdicts($2, now() at time zone 'UTC') v
           where v.verdict = 'ready'
           order by 1
         ) as engine,
         array(
           select r.workflow_step_id
           from public.get_step_readiness_status($1) r
           where r.ready_for_execution
           order by 1
         ) as rails`,
      [taskId, [...stepIds.values()]],
    );
  });
  expect(answer?.['engine']).toEqual(answer?.['rails']);
});

async function verdictOf({ db, stepIds }: World, step: string): Promise<string | undefined> {
  const [row] = await db.query<{ verdict: string }>(
    'select verdict from treadle.step_verdicts(array[$1::bigint], treadle.utc_now())',
    [stepIds[step]],
  );
  return row?.verdict;
}

const limit = (world: World, columns: string) =>
  home.database.query(`update public.tasker_workflow_steps set ${columns} where task_id = $1`, [
    world.taskId,
  ]);

test('a step without parents is ready, its child blocked', async () => {
  const world = await createdWorld(home.database, { a: [], b: ['a'] });
  expect([await verdictOf(world, 'a'), await verdictOf(world, 'b')]).toEqual(['ready', 'blocked']);
});

test('a claimed step is running, a failed one waits, one without attempts has failed', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: [] });
  await claim(world);
  await record(world, failed(world, 'b', 60_000), failed(world, 'c', null));
  const verdicts = [await verdictOf(world, 'a'), await verdictOf(world, 'b'), await verdictOf(world, 'c')];
  expect(verdicts).toEqual(['running', 'waiting', 'failed']);
});

test.each([
  ['complete', 'done'],
  ['resolved_manually', 'done'],
  ['cancelled', 'cancelled'],
])('a step that is %s is %s', async (state, verdict) => {
  const world = await createdWorld(home.database, { a: [] });
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), state);
  expect(await verdictOf(world, 'a')).toBe(verdict);
});

test.each(['retry_limit = 0', 'attempts = 3', 'in_process = true', 'processed = true'])(
  'a pending step with %s is stuck',
  async (columns) => {
    const world = await createdWorld(home.database, { a: [] });
    await limit(world, columns);
    expect(await verdictOf(world, 'a')).toBe('stuck');
  },
);

test('a step that may not be retried gets its first attempt and no second', async () => {
  const world = await startedWorld(home.database, { a: [] }, { each: { default_retryable: false } });
  expect(await verdictOf(world, 'a')).toBe('ready');
  await claim(world);
  await record(world, failed(world, 'a', 0));
  expect(await verdictOf(world, 'a')).toBe('failed');
});

test('the backoff_until of a failure decides to the microsecond', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  await record(world, failed(world, 'a', 60_000));
  const [row] = await home.database.query(
    `with until as (
       select (metadata ->> 'backoff_until')::timestamp as until
       from public.tasker_workflow_step_transitions
       where workflow_step_id = $1 and most_recent
     )
     select before.verdict as before, exactly.verdict as exactly
     from until
     cross join lateral treadle.step_verdicts(array[$1::bigint], until - interval '1 microsecond') before
     cross join lateral treadle.step_verdicts(array[$1::bigint], until) exactly`,
    [idOf(world, 'a')],
  );
  expect(row).toEqual({ before: 'waiting', exactly: 'ready' });
});

test.each([
  ['2026-03-04T05:06:07.000008Z', '2026-03-04 05:06:07.000008'],
  ['2026-02-30T00:00:00Z', '2026-03-02 00:00:00'],
  ['2026-13-45T99:00:00Z', null],
  ['soon', null],
])('backoff_until %s, whoever wrote it, is read as %s and breaks nothing', async (until, read) => {
  const [row] = await home.database.query(
    `select treadle.step_ready_at('error', null, jsonb_build_object('backoff_until', $1::text), 1, null, null)::text as at`,
    [until],
  );
  expect(row).toEqual({ at: read });
});

test('a step that may not be retried and was failed by another hand gets no attempt', async () => {
  const world = await createdWorld(home.database, { a: [] }, { each: { default_retryable: false } });
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'error');
  expect(await verdictOf(world, 'a')).toBe('failed');
});
