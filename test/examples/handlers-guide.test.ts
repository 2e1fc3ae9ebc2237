// docs/handlers.md says what is so: its blocks compile, its tests pass in their three languages, its engine runs, and its
// workers and clients carry a task to its end, whichever language serves it.
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Engine } from '../../engine/engine.ts';
import type { StepHandlerClass } from '../../handlers/registry.ts';
import { readTokens } from '../../bindings/tokens.ts';
import { run } from '../../scripts/programs.ts';
import { python, ruby } from '../../scripts/toolchains.ts';
import { reasonToSkip } from '../parity/foreign-suite.ts';
import { testDatabase } from '../support/postgres.ts';
import { writeGuide } from './guide-blocks.ts';

const guide = writeGuide('docs/handlers.md', 'handlers-guide');
const at = (file: string): string => join(guide.folder, file);
const forPython = await python({ install: 'packages' });
const forRuby = await ruby({ install: 'packages' });
const noPython = reasonToSkip(forPython);
const noRuby = reasonToSkip(forRuby);
const GEM = resolve('bindings', 'ruby', 'lib');

type Environment = Readonly<Record<string, string>>;

/** Runs a program of a language in the folder of the guide. */
function inPython(args: readonly string[], environment: Environment = {}) {
  const program = forPython.ok ? forPython.python : '';
  return run(program, args, { PYTHONPATH: guide.folder, PYTHONDONTWRITEBYTECODE: '1', ...environment });
}
function inRuby(args: readonly string[], environment: Environment = {}) {
  return run(forRuby.ok ? forRuby.ruby : '', ['-I', GEM, '-I', guide.folder, ...args], environment);
}

interface StartedEngine {
  readonly engine: object;
  readonly addresses: readonly string[];
  readonly stop: () => Promise<void>;
}
interface EngineFile {
  readonly startEngine: (options: { url: string; listen: string }) => Promise<StartedEngine>;
}
interface HandlersFile {
  readonly Charge: StepHandlerClass;
  readonly Ship: StepHandlerClass;
  readonly RecordPayment: StepHandlerClass;
}
interface ClientFile {
  readonly placeOrder: (engine: object, orderId: number) => Promise<string>;
}

// its tests are registered here, as those of this file
describe('the tests of the guide in TypeScript', async () => {
  await import(at('handlers.test.ts'));
});

test('the TypeScript of the guide compiles', async () => {
  const files = guide.files.filter((file) => file.endsWith('.ts'));
  const config = { extends: '../../../tsconfig.json', include: [], files };
  writeFileSync(at('tsconfig.json'), JSON.stringify(config));
  const { said } = await run(process.execPath, [
    resolve('node_modules/typescript/bin/tsc'),
    '-p',
    guide.folder,
  ]);
  // what it says of other files is for `npm run types`
  expect(said.split('\n').filter((line) => line.startsWith('.treadle'))).toEqual([]);
});

test.skipIf(noPython)('the tests of the guide in Python pass', async () => {
  const { ok, said } = await inPython([
    '-m',
    'pytest',
    '-q',
    '-p',
    'no:cacheprovider',
    at('test_handlers.py'),
  ]);
  expect(said).toContain('5 passed');
  expect(ok).toBe(true);
});

test.skipIf(noRuby)('the tests of the guide in Ruby pass', async () => {
  const { ok, said } = await inRuby([at('handlers_test.rb')]);
  expect(said).toMatch(/5 runs, \d+ assertions, 0 failures, 0 errors, 0 skips/);
  expect(ok).toBe(true);
});

test('the tokens of the guide are fit', () => {
  expect(readTokens(at('tokens.yaml')).map(({ name, role }) => `${name}: ${role}`)).toEqual([
    'payments: worker',
    'web-shop: client',
  ]);
});

describe('the engine of the guide', () => {
  const home = testDatabase();
  let orders = 0;
  beforeAll(() => home.database.query('create table payments (order_id integer primary key)'));

  /** An engine, and what its workers and clients are told. */
  async function start(): Promise<StartedEngine & { environment: Environment; order: number }> {
    const { startEngine } = (await import(at('engine.ts'))) as EngineFile;
    const started = await startEngine({ url: home.url, listen: '127.0.0.1:0' });
    onTestFinished(started.stop);
    const [target = ''] = started.addresses;
    const environment = { TREADLE_TARGET: target, DATABASE_URL: home.url, no_grpc_proxy: '127.0.0.1' };
    return { ...started, environment, order: (orders += 1) };
  }

  async function paid(): Promise<number[]> {
    const rows = await home.database.query<{ order_id: number }>('select order_id from payments');
    return rows.map(({ order_id }) => order_id);
  }

  test.skipIf(noPython)('has an order of a Python client done by a Python worker', async () => {
    const { environment, order } = await start();
    const program = `import place_order, worker_inside
print(worker_inside.work_while(lambda: place_order.place_order(${order})))`;
    expect(await inPython(['-c', program], environment)).toEqual({ ok: true, said: 'complete\n' });
    expect(await paid()).toContain(order);
  });

  test.skipIf(noRuby)('has an order of a Ruby client done by a Ruby worker', async () => {
    const { environment, order } = await start();
    const program = `require 'worker_inside'; require 'place_order'; Treadle.logger.level = :error
puts work_while { place_order(${order}) }`;
    expect(await inRuby(['-e', program], environment)).toEqual({ ok: true, said: 'complete\n' });
    expect(await paid()).toContain(order);
  });

  test('has an order done by handlers in TypeScript, in another engine', async () => {
    const { engine, order } = await start();
    const { Charge, Ship, RecordPayment } = (await import(at('handlers.ts'))) as HandlersFile;
    const other = new Engine({ database: home.url, handlers: [Charge, Ship, RecordPayment] });
    onTestFinished(() => other.stop().then(() => {}));
    await other.start();
    const { placeOrder } = (await import(at('place_order.ts'))) as ClientFile;
    expect(await placeOrder(engine, order)).toBe('complete');
    expect(await paid()).toContain(order);
  });

  test.skipIf(noPython)('has an order of a TypeScript client done by a Python worker', async () => {
    const { engine, environment, order } = await start();
    const { placeOrder } = (await import(at('place_order.ts'))) as ClientFile;
    const placed = placeOrder(engine, order);
    const program = `import worker_inside, place_order
worker_inside.work_while(lambda: place_order.place_order(${order}))`;
    const [state, { ok }] = await Promise.all([placed, inPython(['-c', program], environment)]);
    expect({ state, ok }).toEqual({ state: 'complete', ok: true });
  });
});

describe('the commands of the guide', () => {
  const lines = guide.commands.flatMap(({ text }) => text.trim().split('\n'));

  test('are those of the two workers', () => {
    expect(lines.map((line) => line.split(/ {2,}#| #/)[0]?.trim())).toEqual([
      'treadle-worker handlers --target 127.0.0.1:7465 --concurrency 16',
      'treadle-worker -r ./handlers.rb --target 127.0.0.1:7465 --concurrency 16',
    ]);
    expect(guide.files.filter((file) => !existsSync(at(file)))).toEqual([]);
  });

  test.skipIf(noPython)('have options that the Python worker knows', async () => {
    const { said } = await inPython(['-m', 'treadle.worker', '--help']);
    for (const option of [
      '--target',
      '--concurrency',
      '--grace',
      '--tls-ca',
      '--allow-plaintext',
      '--log-json',
    ])
      expect(said).toContain(option);
  });

  test.skipIf(noRuby)('have options that the Ruby worker knows', async () => {
    const { said } = await inRuby([join(GEM, '..', 'exe', 'treadle-worker'), '--help']);
    for (const option of [
      '--target',
      '--concurrency',
      '--grace',
      '--tls-ca',
      '--allow-plaintext',
      '--log-json',
    ])
      expect(said).toContain(option);
  });
});
