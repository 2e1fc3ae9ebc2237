// The benchmark of what a Rails application sees: what it compares with answers as the Rails engine does, and it runs at its smallest
// size where there is a Ruby with ActiveRecord.
import { readFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { installOriginals } from '../../bench/rails/originals.ts';
import type { RailsResult } from '../../bench/rails/result.ts';
import { ruby } from '../../scripts/toolchains.ts';
import { reasonToSkip } from '../parity/foreign-suite.ts';
import { quickBench } from '../support/benches.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { askHealth, askWorld, loadWorld, type RailsCase } from '../support/rails-world.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const toolchain = await ruby({ install: 'packages' });
const skipped = reasonToSkip(toolchain);

/** A database with the view and the functions that Treadle is compared with, in place of its own. */
async function databaseAsInRails() {
  const home = await createTestDatabase();
  onTestFinished(() => home.drop());
  await installOriginals(home.database);
  return home;
}

test('what Treadle is compared with answers as the Rails engine does', { timeout: 120_000 }, async () => {
  const { database } = await databaseAsInRails();
  const cases = (await read('test/data/rails-vectors.jsonl')).trim().split('\n');
  for (const line of cases) {
    const world = JSON.parse(line) as RailsCase;
    const { dag, health, analytics } = world.expect;
    const wanted = Object.entries({ dag, health, analytics }).filter(([, answer]) => answer !== undefined);
    await inRolledBackTransaction(database, async (tx) => {
      const before = await askHealth(tx);
      const loaded = await loadWorld(tx, world);
      const answers = await askWorld(tx, world, loaded, Object.keys(world.expect), before);
      expect({ id: world.id, ...answers }).toMatchObject({ id: world.id, ...Object.fromEntries(wanted) });
    });
  }
});

test.skipIf(skipped)(
  'rails says what a dashboard waits for, and how soon a commit is heard',
  { timeout: 300_000 },
  async () => {
    const { steps, tasks, questions, dashboard, heard, load } = await quickBench<RailsResult>('rails');
    expect({ steps, tasks }).toEqual({ steps: 20_000, tasks: 2000 });
    expect(questions.map(({ rails }) => rails === null)).toEqual([
      ...Array.from({ length: 5 }, () => false),
      true,
      true,
    ]);
    expect(dashboard).toHaveLength(10);
    expect(heard).toHaveLength(4);
    expect(load.tasks).toBeGreaterThan(0);
    const figures = [...dashboard, ...heard.map(({ idle }) => idle), ...questions.map(({ ours }) => ours)];
    for (const { median_ms } of figures) expect(median_ms).toBeGreaterThan(0);
  },
);
