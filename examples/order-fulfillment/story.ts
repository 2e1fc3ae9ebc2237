// The story of the demo: Postgres, the flaky provider, the engine, its workers in Python and Ruby, a file of orders, and
// the proof that nothing was lost or done twice. A program of your own needs the middle of it: `new Engine`, `start`, `createTasks`, `stop`.
import { once } from 'node:events';
import { join } from 'node:path';
import { GrpcServer } from '../../bindings/grpc/server.ts';
import { Database, Engine, migrate, resolvePostgres, type PostgresServer } from '../../index.ts';
import { runChecks } from './checks.ts';
import { Files } from './files.ts';
import { claimDemo } from './one-at-a-time.ts';
import type { Options } from './options.ts';
import { PaymentClient } from './payments/client.ts';
import { FlakyProvider } from './payments/flaky-provider.ts';
import { watch } from './watch.ts';
import { printReport } from './report.ts';
import { provideServices } from './services.ts';
import { giveBack } from './shop/give-back.ts';
import { createShopTables, stockShelves } from './shop/open-shop.ts';
import { placeOrders } from './shop/place-orders.ts';
import { printChecks, printCrew, printNext, printUnfinished, printWhere } from './words.ts';
import { Crew } from './workers/crew.ts';
import { orderFulfillment } from './workflow.ts';

export interface Stage {
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  /** Registers what must be ended when the story is over, the last one first. */
  readonly atEnd: (end: () => Promise<void>) => void;
}

interface Scene extends Stage {
  readonly run: string;
  readonly server: PostgresServer;
  readonly database: Database;
  readonly provider: FlakyProvider;
  readonly payments: PaymentClient;
  readonly files: Files;
  readonly crew: Crew;
}

/** Returns whether all checks hold. */
export async function tellStory(options: Options, stage: Stage): Promise<boolean> {
  console.log(
    'Order fulfilment: ten steps per order, a payment provider with bad days, and a check at the end.\n',
  );
  const scene = await setScene(options, stage);
  const engine = await startEngine(scene);

  let placing = true;
  const [placed, watched] = await Promise.all([
    placeOrders({ engine, ...scene }, options.lines).finally(() => (placing = false)),
    watch(scene, () => placing),
  ]);
  await giveBack(scene);

  await printReport(scene, { placed, watched });
  const sound = printChecks(await runChecks({ ...scene, ledger: scene.provider.ledger }));
  await printNext(scene.database, scene.run, scene.server);
  if (options.keepOpen) await stayOpen(stage.signal);
  return sound;
}

async function setScene(options: Options, stage: Stage): Promise<Scene> {
  const { atEnd } = stage;
  const server = await resolvePostgres({
    databaseUrl: process.env['DATABASE_URL'],
    dataDir: '.treadle',
    onProgress: (line) => console.log(`  ${line}`),
  });
  atEnd(server.stop);
  const database = new Database({ url: server.url, maxConnections: 20, applicationName: 'treadle demo' });
  atEnd(() => database.close());
  await migrate(database);
  atEnd(await claimDemo(database));
  const run = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  await createShopTables(database);
  await stockShelves(database, run, options.lines.length);

  const ledgerFile = join(options.outDir, 'payment-provider', 'ledger.jsonl');
  const provider = new FlakyProvider({ seed: options.seed, ledgerFile });
  const providerUrl = await provider.start();
  atEnd(() => provider.stop());
  const { typeScriptOnly } = options;
  const crew = new Crew({ typeScriptOnly, database, databaseUrl: server.url, providerUrl, ...stage });
  atEnd(() => crew.end());
  printWhere({ server, providerUrl, file: options.file, out: join(options.outDir, run) });
  const files = new Files(options.outDir);
  return { ...stage, run, server, database, provider, files, crew, payments: new PaymentClient(providerUrl) };
}

async function startEngine(scene: Scene): Promise<Engine> {
  const { server, database, run, signal, atEnd, crew } = scene;
  signal.throwIfAborted();
  provideServices(scene);
  // A URL, not `database`: with a pool of its own the engine never waits behind handlers that wait for a shelf.
  const engine = new Engine({ database: server.url, templates: [orderFulfillment] });
  const grpc = new GrpcServer({ engine, database, listen: ['127.0.0.1:0'] });
  atEnd(async () => {
    grpc.refuse();
    await engine.stop({ graceSeconds: 3 });
    await grpc.stop({ graceSeconds: 0 });
    if (signal.aborted) await printUnfinished(database, run);
  });
  await engine.start();
  const [address = ''] = await grpc.start();
  printCrew(await crew.start({ address, engineId: () => engine.stats().worker_id }));
  return engine;
}

async function stayOpen(signal: AbortSignal): Promise<void> {
  console.log('\nPostgres stays open: Ctrl-C ends the demo.');
  const alive = setInterval(() => {}, 60_000); // a signal alone does not keep a program alive
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(alive);
}
