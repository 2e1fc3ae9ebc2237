// An outage is said once, however many ask, and over for all of them together; a single broken connection is none.
import { expect, test } from 'vitest';
import { TreadleError } from '../../core/errors.ts';
import { Outage } from '../../engine/outage.ts';
import type { Executor } from '../../sql/database.ts';
import { LogBook } from '../support/logs.ts';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();
const away = new TreadleError('database_unavailable', 'Postgres is away: connect ECONNREFUSED');

/** An outage in which the first probes find nobody. */
function outageOf(failures: number) {
  const [book, backs] = [new LogBook(), [] as string[]];
  let probes = 0;
  const database: Executor = {
    query: async (text, values) => {
      probes += 1;
      if (probes <= failures) throw away;
      return home.database.query(text, values);
    },
  };
  return {
    outage: new Outage({
      database,
      log: book.log,
      onBack: (wasAway) => void backs.push(wasAway ? 'back' : 'never away'),
    }),
    book,
    backs,
  };
}

test('an outage is said once and its end once, for everybody who waits', async () => {
  const { outage, book, backs } = outageOf(2);
  await Promise.all([outage.over(away), outage.over(away), outage.over(away)]);
  expect(book.messages(/./)).toEqual([
    'Postgres is away: connect ECONNREFUSED; waiting for it',
    expect.stringMatching(/^Postgres is back after \d+\.\d s$/),
  ]);
  expect(backs).toEqual(['back']);
  expect(outage.lasts).toBe(false);
});

test('a connection that broke while Postgres is there is not worth a word', async () => {
  const { outage, book, backs } = outageOf(0);
  await outage.over(away);
  expect([book.lines, backs]).toEqual([[], ['never away']]);
});

test('who is told to stop waits no longer, and neither does anybody when the engine ends', async () => {
  const { outage } = outageOf(Infinity);
  const stop = new AbortController();
  const [mine, others] = [outage.over(away, stop.signal), outage.over(away)];
  stop.abort();
  await mine;
  outage.stop();
  await expect(others).resolves.toBeUndefined();
});
