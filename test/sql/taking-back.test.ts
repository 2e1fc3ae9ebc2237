// Whoever takes back from the dead tells all engines to look for steps: there may be some that the dead made ready and never
// spoke of, and more than the taker has slots for.
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../../sql/listen.ts';
import { takeBackLostSteps } from '../../sql/steps.ts';
import { claim, moveClock, newWorker, startedWorld } from '../support/factories.ts';
import { createTestDatabase } from '../support/postgres.ts';

/** A database, and what was said on it since the last time that somebody asked. */
async function overheard() {
  const { database, drop } = await createTestDatabase();
  const client = database.dedicatedClient('treadle test ear');
  onTestFinished(async () => {
    await client.end();
    await drop();
  });
  const heard: string[] = [];
  client.on('notification', ({ payload }) => void heard.push(payload ?? ''));
  await client.connect();
  await listen(client);
  const said = async () => {
    await client.query('select'); // what was notified before comes before the answer
    return heard.splice(0);
  };
  return { database, said };
}

test('a worker that died without a step is spoken of all the same', async () => {
  const { database, said } = await overheard();
  await newWorker(database, ['idle'], 1);
  await moveClock(database, 5);
  await said();
  await takeBackLostSteps(database);
  expect(await said()).toEqual(['ready']);
});

test('where nobody has died nothing is said', async () => {
  const { database, said } = await overheard();
  await newWorker(database, ['idle'], 60);
  await said();
  await takeBackLostSteps(database);
  expect(await said()).toEqual([]);
});

test('steps that are taken back are spoken of, also those of a worker whose row was gone', async () => {
  const { database, said } = await overheard();
  const world = await startedWorld(database, { a: [] });
  await claim(world);
  await database.query('delete from treadle.workers');
  await said();
  const { lost } = await takeBackLostSteps(database);
  expect([lost.length, await said()]).toEqual([1, ['ready']]);
});
