// A connection that breaks is an error of whoever works on it, and of nobody else: least of all of the process.
import { expect, test } from 'vitest';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();

test('a connection that breaks between two statements fails its transaction alone', async () => {
  const broken = home.database.transaction(async (tx) => {
    const [row] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
    const ended = new Promise<void>((resolve) => void tx.client.once('end', resolve));
    await home.database.query('select pg_terminate_backend($1)', [row?.pid]);
    await ended;
    return tx.query('select 1');
  });
  await expect(broken).rejects.toMatchObject({ code: 'database_unavailable' });
  expect(await home.database.query('select 1 as one')).toEqual([{ one: 1 }]);
});
