// Ready steps wait in Postgres, not in the engine: what a slow worker costs is bounded by its credits, whatever lies ready.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Engine } from '../../../engine/engine.ts';
import { eventually } from '../../support/engines.ts';
import { templateOf, uniqueName } from '../../support/factories.ts';
import { serve } from '../../support/grpc-servers.ts';
import { testDatabase } from '../../support/postgres.ts';

const home = testDatabase();

const CREDITS = 7;
const READY = 10_000;
/** All contexts together are 40 MB as text. */
const CONTEXT_BYTES = 4_000;
const LONGEST_MS = 60_000;

/** Bytes of the heap that are in use. */
function heap(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

async function createMany(engine: Engine, template: ReturnType<typeof templateOf>): Promise<void> {
  const { name, namespace_name, version } = template;
  const request = { name, namespace_name, version, context: { note: 'x'.repeat(CONTEXT_BYTES) } };
  for (let made = 0; made < READY; made += 1000) {
    await engine.createTasks(Array.from({ length: 1000 }, () => request));
  }
}

async function readySteps(handler: string): Promise<number> {
  const [row] = await home.database.query<{ count: number }>(
    'select count(*)::integer as count from treadle.ready_steps where handler = $1',
    [handler],
  );
  return row?.count ?? 0;
}

test(
  'ten thousand ready steps are no load for the engine of a worker that takes seven',
  { timeout: LONGEST_MS },
  async () => {
    const handler = uniqueName('Slow');
    const template = templateOf({ only: [] }, { each: { handler_class: handler } });
    const { engine, startWorker } = await serve({ database: home.database, templates: [template] });
    const worker = await startWorker([handler], CREDITS);
    const before = heap();
    await createMany(engine, template);
    await eventually(
      () => readySteps(handler),
      (ready) => ready === READY - CREDITS,
    );
    expect(worker.assignments).toHaveLength(CREDITS);
    expect(heap() - before).toBeLessThan(10_000_000);
  },
);
