// A worker that offers handlers which templates send elsewhere: it is told which and where, stays, and serves its others.
import { expect, test } from 'vitest';
import { ForeignWorker, foreignLanguages } from '../../parity/foreign-workers.ts';
import { create } from '../../support/engines.ts';
import { templateOf, uniqueName } from '../../support/factories.ts';
import { serve } from '../../support/grpc-servers.ts';
import { testDatabase } from '../../support/postgres.ts';

const home = testDatabase();

async function served() {
  const [charge, ship] = [uniqueName('Charge'), uniqueName('Ship')];
  const template = templateOf(
    { charge: [], ship: [] },
    { steps: { charge: { handler_class: charge, runtime: 'native-python' }, ship: { handler_class: ship } } },
  );
  return { ...(await serve({ database: home.database, templates: [template] })), template, charge, ship };
}

test('its registration is answered with the handler and the runtime', async () => {
  const { newWorker, charge, ship } = await served();
  const registered = await newWorker().register({ handlers: [charge, ship] });
  expect(registered.elsewhere).toEqual([{ handler: charge, runtime: 'native-python' }]);
});

test('it gets the steps of its other handlers and none of that one', async () => {
  const { startWorker, engine, template, charge, ship } = await served();
  const worker = await startWorker([charge, ship], 10);
  await create(engine, template);
  await create(engine, template);
  const assigned = await worker.assigned(2);
  expect(assigned.map(({ handler }) => handler)).toEqual([ship, ship]);
});

test('it gets the steps of that one as well when templates no longer say so', async () => {
  const { startWorker, engine, template, charge } = await served();
  const worker = await startWorker([charge]);
  await create(engine, template);
  const steps = { charge: { handler_class: charge } };
  await engine.registerTemplates([templateOf({ charge: [] }, { name: template.name, steps })]);
  const [assigned] = await worker.assigned(1);
  expect(assigned).toMatchObject({ handler: charge });
});

test.each(await foreignLanguages())('one in $language says so in its log', async (language) => {
  const each = { handler_class: 'StoryHandler', runtime: 'typescript' } as const;
  const { address } = await serve({
    database: home.database,
    templates: [templateOf({ only: [] }, { each })],
  });
  const worker = new ForeignWorker(language, { name: 'one', targets: [address] });
  await worker.says(/templates send handlers past this worker.*StoryHandler to typescript/);
});
