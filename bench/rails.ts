// What a Rails application sees of a large database of Treadle's: the ten questions of a dashboard by ActiveRecord, the view and the
// functions beside those of the Rails engine in the same database, and how soon Treadle goes on after a commit in Ruby.
import { readFile } from 'node:fs/promises';
import { ruby } from '../scripts/toolchains.ts';
import type { Database } from '../sql/database.ts';
import { benchmark, type BenchOptions } from './benchmark.ts';
import { timed } from './measure.ts';
import { writeRailsHistory } from './rails/history.ts';
import { askBoth, askHealth } from './rails/questions.ts';
import { besideLoad } from './rails/load.ts';
import { asTheAppSees, heard, timesIn } from './rails/ruby.ts';
import { headlines, railsText } from './rails/report.ts';
import type { RailsResult } from './rails/result.ts';
import type { BenchServer } from './server.ts';

const STEPS = 1_000_000;
const QUICK_STEPS = 20_000;
const TASKS_AT_ONCE = 1000;
const QUICK_TASKS_AT_ONCE = 50;

export const rails = benchmark<RailsResult>({
  name: 'rails',
  says: 'What a Rails app sees of a million steps: queries, view, functions, and how soon its writes are heard',
  runs: 20,
  alone: true,
  measure: benchRails,
  report: railsText,
  headlines,
});

async function benchRails(server: BenchServer, options: BenchOptions): Promise<RailsResult> {
  const toolchain = await ruby();
  if (!toolchain.ok) throw new Error(`rails asks with ActiveRecord: ${toolchain.why}`);
  const steps = options.steps ?? (options.quick ? QUICK_STEPS : STEPS);
  return server.withDatabase(async (database) => {
    const { ms } = await timed(() => writeRailsHistory(database, steps));
    await installAsInRails(database);
    options.onProgress(
      `rails: a history of ${steps.toLocaleString('en')} steps, written in ${Math.round(ms / 1000)} s`,
    );
    return measureAll(database, toolchain.ruby, { ...options, steps });
  });
}

/** The view and functions of the Rails engine, beside ours. */
async function installAsInRails(database: Database): Promise<void> {
  const text = await readFile(new URL('./rails/as-in-rails.sql', import.meta.url), 'utf8');
  await database.transaction((tx) => tx.query(text));
}

async function measureAll(
  database: Database,
  program: string,
  { runs, steps, quick, onProgress }: BenchOptions & { steps: number },
): Promise<RailsResult> {
  const [size] = await database.query<{ tasks: number; unfinished_tasks: number }>(
    `select total_tasks as tasks, pending_tasks + in_progress_tasks as unfinished_tasks from get_system_health_counts_v01()`,
  );
  const questions = await askBoth(database, runs, onProgress);
  const atRest = await asTheAppSees(program, database.url, runs);
  const idle = (await besideLoad(database, 0, () => heard(program, database.url, runs))).result;
  onProgress('rails: measured at rest; now beside an engine at work');
  const tasks_at_once = quick ? QUICK_TASKS_AT_ONCE : TASKS_AT_ONCE;
  const { result, worked } = await besideLoad(database, tasks_at_once, async () => ({
    dashboard: await asTheAppSees(program, database.url, runs),
    health_under_load: await askHealth(database, runs),
    heard: await heard(program, database.url, runs),
  }));
  return {
    steps,
    tasks: size?.tasks ?? 0,
    unfinished_tasks: size?.unfinished_tasks ?? 0,
    runs,
    questions,
    health_under_load: result.health_under_load,
    dashboard: atRest.map((row, place) => ({ ...row, under_load: timesIn(result.dashboard, place) })),
    heard: idle.map(({ what, ...times }, place) => ({
      what,
      idle: times,
      under_load: timesIn(result.heard, place),
    })),
    load: { ...worked, tasks_at_once },
  };
}
