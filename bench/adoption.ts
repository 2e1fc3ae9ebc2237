// What `treadle adopt` costs an app that writes meanwhile: which locks it holds and for how long, the longest statement of the writer
// with and without it, and how long everything takes, on a long history of the Rails engine; and what `treadle tune functions` adds to it.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { Database } from '../sql/database.ts';
import { migrate } from '../sql/migrate.ts';
import type { AdoptionCheck } from '../sql/adoption/check.ts';
import type { Adoption } from '../sql/adoption/adopt.ts';
import { LockSampler, type HeldLock } from './adoption/lock-sampler.ts';
import { RailsWriter, type WriterFigures } from './adoption/rails-writer.ts';
import { benchmark, type BenchOptions } from './benchmark.ts';
import { registerHistoryTemplate, writeHistory } from './history.ts';
import { rounded, timed } from './measure.ts';
import { installOriginals } from './rails/originals.ts';
import { table } from './report.ts';
import type { BenchServer } from './server.ts';

const STEPS = 1_000_000;
const QUICK_STEPS = 20_000;
/** Half of these tasks are unfinished. */
const YOUNG_TASKS = 20_000;
const BASELINE_MS = 5000;
const APP = 'rails';

export interface AdoptionResult {
  readonly steps: number;
  readonly check_ms: number;
  readonly estimated_seconds: number;
  /** The schema treadle and the triggers. */
  readonly schema_ms: number;
  readonly lock_attempts: number;
  /** What adoption itself says: from asking for the locks to the commit. */
  readonly locks_ms: number;
  /** Tasks, once their template is registered. */
  readonly tasks_ms: number;
  readonly adopted_tasks: number;
  /** `treadle tune functions`, the questions that it asks before and after among it. */
  readonly functions_ms: number;
  /** What it says itself: from asking for the lock on a table to the commit, the longest. */
  readonly functions_locks_ms: number;
  readonly replaced: Tuned['replaced'];
  /** States of which, beside the writer, another number is kept than there are rows. */
  readonly miscounted: number;
  /** Above ROW EXCLUSIVE, the longest first. */
  readonly held: readonly HeldLock[];
  readonly looks: number;
  /** Of the writer for any lock, also for a row. */
  readonly longest_wait_ms: number;
  readonly writer_before: WriterFigures;
  readonly writer_during: WriterFigures;
}

/** What `treadle tune functions` says. */
interface Tuned {
  readonly replaced: readonly { object_name: string; before_ms: number | null; after_ms: number | null }[];
  readonly locks_ms: number;
}

interface Count {
  readonly count: number;
}

export const adoption = benchmark<AdoptionResult>({
  name: 'adoption',
  says: 'What "treadle adopt" costs a Rails app that writes meanwhile, on a million steps',
  runs: 1,
  alone: true,
  measure: benchAdoption,
  report: adoptionText,
});

async function benchAdoption(server: BenchServer, options: BenchOptions): Promise<AdoptionResult> {
  const steps = options.steps ?? (options.quick ? QUICK_STEPS : STEPS);
  return server.withEmptyDatabase(async (url) => {
    const database = new Database({ url, maxConnections: 4 });
    try {
      await writeRailsHistory(database, steps);
      options.onProgress(`adoption: a history of ${steps.toLocaleString('en')} steps is written`);
      return { steps, ...(await measureAdoption(database, { quick: options.quick })) };
    } finally {
      await database.close();
    }
  });
}

/** As a Rails app leaves it: the history without anything of ours, and the slow view and functions. */
export async function writeRailsHistory(database: Database, steps: number): Promise<void> {
  await migrate(database);
  await writeHistory(database, steps, Math.min(YOUNG_TASKS, Math.ceil(steps / 10)));
  await database.query('drop schema treadle cascade');
  await installOriginals(database);
}

/** Adopts it by the command line, in a process of its own, while a writer writes. */
export async function measureAdoption(
  database: Database,
  { quick }: { readonly quick: boolean },
): Promise<Omit<AdoptionResult, 'steps'>> {
  const check = await timed(() => treadle<AdoptionCheck>(database.url, 'adopt', '--check'));
  const app = new Database({ url: database.url, maxConnections: 1, applicationName: APP });
  const [writer, sampler] = [new RailsWriter(app), new LockSampler(database, APP)];
  writer.start();
  await pause(quick ? BASELINE_MS / 5 : BASELINE_MS);
  const writer_before = writer.figures();
  sampler.start();
  const schema = await timed(() => treadle<Adoption>(database.url, 'adopt', '--yes'));
  await registerHistoryTemplate(database);
  const tasks = await timed(() => treadle<Adoption>(database.url, 'adopt', '--yes'));
  const functions = await timed(() => treadle<Tuned>(database.url, 'tune', 'functions', '--yes'));
  const [miscounted] = await database.query<Count>('select count(*) from treadle.broken_counts(null)');
  const locks = await sampler.stop();
  const writer_during = writer.figures();
  await writer.stop();
  await app.close();
  return {
    check_ms: rounded(check.ms),
    estimated_seconds: check.result.estimated_seconds ?? 0,
    schema_ms: rounded(schema.ms),
    lock_attempts: schema.result.lock_attempts,
    locks_ms: schema.result.locks_ms,
    tasks_ms: rounded(tasks.ms),
    adopted_tasks: tasks.result.adopted,
    functions_ms: rounded(functions.ms),
    functions_locks_ms: functions.result.locks_ms,
    replaced: functions.result.replaced,
    miscounted: miscounted?.count ?? 0,
    ...locks,
    writer_before,
    writer_during,
  };
}

const TREADLE = fileURLToPath(new URL('../bin/treadle.js', import.meta.url));

async function treadle<Document>(url: string, ...args: readonly string[]): Promise<Document> {
  const env = { ...process.env, DATABASE_URL: url };
  const { stdout } = await promisify(execFile)(process.execPath, [TREADLE, ...args, '--json'], {
    env,
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout) as Document;
}

function adoptionText(result: AdoptionResult): string {
  const { steps, adopted_tasks, held, looks, writer_before, writer_during } = result;
  const ms = (value: number): string => `${rounded(value)} ms`;
  const taken = (value: number | null): string => (value === null ? 'no answer' : ms(value));
  const longest = held[0] ? `${ms(held[0].held_ms)} (${held[0].mode} on ${held[0].relation})` : 'none seen';
  const rows: [string, string][] = [
    ['treadle adopt --check', ms(result.check_ms)],
    ['check, schema and triggers', `${ms(result.schema_ms)}, ${result.lock_attempts} attempts at the locks`],
    [`check again and ${adopted_tasks} tasks`, ms(result.tasks_ms)],
    ['estimated for all but the checks', `${result.estimated_seconds} s`],
    ['from asking for the locks to the commit, by its own clock', ms(result.locks_ms)],
    [
      'treadle tune functions, its questions among it',
      `${ms(result.functions_ms)}, ${result.miscounted} states counted wrong`,
    ],
    ['the longest lock of it, by its own clock', ms(result.functions_locks_ms)],
    ...result.replaced.map(({ object_name, before_ms, after_ms }): [string, string] => [
      object_name,
      `${taken(before_ms)} before, ${taken(after_ms)} with Treadle's`,
    ]),
    ['longest wait of the writer for a lock', ms(result.longest_wait_ms)],
    [`longest lock above ROW EXCLUSIVE, in ${looks} looks`, longest],
    [
      'longest statement of the writer before',
      `${ms(writer_before.longest_ms)}, p99 ${ms(writer_before.p99_ms)}`,
    ],
    [
      'longest statement of the writer meanwhile',
      `${ms(writer_during.longest_ms)}, p99 ${ms(writer_during.p99_ms)}`,
    ],
  ];
  return `adoption: ${steps.toLocaleString('en')} steps of the Rails engine, a writer that never stops\n${table(['what', 'figure'], rows)}`;
}
