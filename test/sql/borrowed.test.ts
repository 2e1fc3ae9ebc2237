// Our statements inside somebody else's transaction: every form of client answers like our own.
import { drizzle } from 'drizzle-orm/node-postgres';
import { Kysely, PostgresDialect } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { borrow, type BorrowedTransaction } from '../../sql/borrowed.ts';
import type { Executor } from '../../sql/database.ts';
import { createTasks, findNamedTask } from '../../sql/tasks.ts';
import { createdWorld, uniqueName } from '../support/factories.ts';
import { applicationPool, testDatabase } from '../support/postgres.ts';

const home = testDatabase();

const pool = () => applicationPool(home.url);

type With = (work: (tx: Executor) => Promise<void>) => Promise<void>;
const kysely = () => new Kysely<object>({ dialect: new PostgresDialect({ pool: pool() }) });

const FORMS: Record<string, With> = {
  'a node-postgres client': async (work) => {
    const client = await pool().connect();
    await work(borrow(client)).finally(() => client.release());
  },
  'a Drizzle transaction': (work) => drizzle(pool()).transaction((tx) => work(borrow(tx))),
  'a Kysely transaction': (work) =>
    kysely()
      .transaction()
      .execute((trx) => work(borrow(trx))),
  'an executor of ours': (work) => home.database.transaction((tx) => work(borrow(tx))),
};
const forms = Object.entries(FORMS).map(([name, inside]) => ({ name, inside }));

test.each(forms)('$name answers with rows and takes values of every kind', async ({ inside }) => {
  await inside(async (tx) => {
    const rows = await tx.query(
      `select $1::text as text, $2::integer as number, $3::jsonb as json, $4::text[] as list, $1 || '!' as again,
         $5::integer as nothing`,
      ["it's $2", 7, JSON.stringify({ a: [1] }), ['x', 'y'], null],
    );
    expect(rows).toEqual([
      { text: "it's $2", number: 7, json: { a: [1] }, list: ['x', 'y'], again: "it's $2!", nothing: null },
    ]);
  });
});

test.each(forms)('$name creates tasks whose ids are numbers', async ({ inside }) => {
  const { namedTaskId } = await createdWorld(home.database, { a: [] });
  await inside(async (tx) => {
    const request = { identity_hash: uniqueName('identity'), context: { n: 1 } };
    const [task] = await createTasks(tx, namedTaskId, [request], { enqueued: true });
    expect(task).toEqual({ task_id: expect.any(Number), created: true });
  });
});

test.each(forms)('$name reports errors as ours', async ({ inside }) => {
  const ask = inside(async (tx) => void (await tx.query('select treadle.create_tasks(-1, $1)', ['[]'])));
  await expect(ask).rejects.toMatchObject({ code: 'unknown_template' });
});

test.each(forms)('$name finds templates', async ({ inside }) => {
  await inside(async (tx) => {
    await expect(findNamedTask(tx, 'test', 'nothing')).rejects.toMatchObject({ code: 'unknown_template' });
  });
});

test('times are UTC whatever the session of the application says', async () => {
  const { namedTaskId } = await createdWorld(home.database, { a: [] });
  const client = await pool().connect();
  onTestFinished(() => client.release());
  await client.query(`set time zone 'Asia/Tokyo'`);
  const request = {
    identity_hash: uniqueName('identity'),
    context: { n: 1 },
    requested_at: '2026-01-02T03:04:05Z',
  };
  const [task] = await createTasks(borrow(client), namedTaskId, [request], { enqueued: true });
  const [row] = await home.database.query('select requested_at from tasker_tasks where task_id = $1', [
    task?.task_id,
  ]);
  expect(row).toEqual({ requested_at: new Date('2026-01-02T03:04:05Z') });
});

test('anything else is refused', () => {
  const nonsense = { begin: () => {} } as unknown as BorrowedTransaction;
  expect(() => borrow(nonsense)).toThrow(
    /node-postgres client, a Drizzle transaction or a Kysely transaction/,
  );
});
