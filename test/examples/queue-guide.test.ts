// docs/queue-adapters.md says what is so: its adapter compiles, has less than 100 lines, passes the suite as the guide runs it,
// survives a restart of its server, and brings tasks of a real engine to their end.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { QUEUE_SCHEMES } from '../../core/queue-url.ts';
import type { QueueAdapter } from '../../engine/queue/adapter.ts';
import { queueCases } from '../../engine/queue/conformance.ts';
import { run } from '../../scripts/programs.ts';
import { killPostmaster, newProject, startIn } from '../support/clusters.ts';
import { runToEnd, startEngine } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { writeGuide } from './guide-blocks.ts';

const guide = writeGuide('docs/queue-adapters.md', 'queue-guide');
const at = (file: string): string => join(guide.folder, file);
const home = testDatabase();

interface TableQueueFile {
  readonly TableQueue: new (url: string) => QueueAdapter;
}
const load = () => import(at('table_queue.ts')) as Promise<TableQueueFile>;

describe('the suite of the guide', async () => {
  beforeAll(() => {
    process.env['TEST_DATABASE_URL'] = home.url;
  });
  // its tests are registered here, as those of this file
  await import(at('table_queue.test.ts'));
});

test('the TypeScript of the guide compiles', { timeout: 120_000 }, async () => {
  const files = guide.files.filter((file) => file.endsWith('.ts'));
  writeFileSync(
    at('tsconfig.json'),
    JSON.stringify({ extends: '../../../tsconfig.json', include: [], files }),
  );
  const { said } = await run(process.execPath, [
    resolve('node_modules/typescript/bin/tsc'),
    '-p',
    guide.folder,
  ]);
  // what it says of other files is for `npm run types`
  expect(said.split('\n').filter((line) => line.startsWith('.treadle'))).toEqual([]);
});

test('the adapter of the guide has less than 100 lines', () => {
  const lines = readFileSync(at('table_queue.ts'), 'utf8').trimEnd().split('\n');
  expect(lines.length).toBeLessThan(100);
});

test('the guide names every scheme', () => {
  const text = readFileSync('docs/queue-adapters.md', 'utf8');
  expect(QUEUE_SCHEMES.filter((scheme) => !text.includes(`\`${scheme}`))).toEqual([]);
});

test('the adapter of the guide keeps its jobs when its server is killed', { timeout: 120_000 }, async () => {
  const { TableQueue } = await load();
  const restart = queueCases.find(({ name }) => name.includes('survive a restart'));
  const project = newProject();
  const server = await startIn(project);
  const adapter = new TableQueue(server.url);
  await adapter.install();
  await restart?.run({
    open: async () => ({
      adapter,
      restartServer: async () => {
        await killPostmaster(server.home);
        await startIn(project);
      },
      close: () => adapter.stop(),
    }),
    features: { priority: true, dedupe: true, survivesRestart: true },
    delayToleranceMs: 500,
  });
  expect(restart).toBeDefined();
});

test('an engine on the adapter of the guide brings a task with a retry to its end', async () => {
  const { TableQueue } = await load();
  const template = templateOf({ flaky: [] });
  const flaky = ({ step }: { step: { attempt: number } }) => {
    if (step.attempt === 1) throw new Error('not yet');
    return 'done';
  };
  const queue = new TableQueue(home.url);
  await queue.install(); // as the engine does
  const engine = await startEngine({
    database: home.database,
    templates: [template],
    works: { flaky },
    queue,
  });
  expect(await runToEnd(engine, template)).toMatchObject({ state: 'complete' });
});
