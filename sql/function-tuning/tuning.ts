// `treadle tune functions`: an adopted database gets our view and functions and the counts that they are fast by, and back. One thing
// after the other, while everything runs; interrupted or killed, the next run does the rest.
import { TreadleError } from '../../core/errors.ts';
import type { Database, Executor } from '../database.ts';
import { alone } from '../index-changes.ts';
import { migrationStatus } from '../migrate.ts';
import type { Patience } from './brief-locks.ts';
import {
  judgeObjects,
  type FunctionLevel,
  replacedDefinitions,
  type JudgedObject,
  type ReplacedDefinition,
} from './definitions.ts';
import { areKept, countFirst, keptCounts, makeCountTriggers, removeCountTriggers, type KeptCounts, type TableLock } from './kept-counts.ts'; // prettier-ignore
import { replaceObject, restoreObject, type Outcome } from './replacement.ts';

export interface FunctionPlan {
  readonly level: FunctionLevel;
  readonly objects: readonly JudgedObject[];
  readonly counts: KeptCounts;
}

export interface RestorePlan {
  readonly objects: readonly ReplacedDefinition[];
  readonly counts: KeptCounts;
}

/** What has been done, or is about to be (`counting`: for as long as all rows are read). */
export type Progress =
  | {
      readonly what: 'triggers';
      readonly table_name: string;
      readonly lock_attempts: number;
      readonly locks_ms: number;
    }
  | { readonly what: 'counting' }
  | { readonly what: 'counted' }
  /** The last one, when not all was done. */
  | { readonly what: 'interrupted' }
  | { readonly what: 'object'; readonly object_name: string; readonly outcome: Exclude<Outcome, 'waited'> };

export interface TuneOptions extends Patience {
  /** How long another run may take before this one gives up. */
  readonly lockTimeoutSeconds: number;
}

/** @throws TreadleError `schema_mismatch` where Treadle made the tables: its view and functions are there. */
export async function requireAdopted(db: Executor): Promise<void> {
  const { adopted } = await migrationStatus(db);
  if (adopted) return;
  throw new TreadleError(
    'schema_mismatch',
    'expected a database that "treadle adopt" took over from a Rails app; Treadle made this one, so its view and functions are Treadle\'s already',
  );
}

export async function planFunctions(db: Executor, level: FunctionLevel): Promise<FunctionPlan> {
  return { level, objects: await judgeObjects(db, level), counts: await keptCounts(db) };
}

export async function planRestore(db: Executor): Promise<RestorePlan> {
  return { objects: await replacedDefinitions(db), counts: await keptCounts(db) };
}

/** The counts first, so that the function that tells them is fast from its first call. */
export async function* tuneFunctions(
  database: Database,
  { level, objects, counts }: FunctionPlan,
  options: TuneOptions,
): AsyncGenerator<Progress> {
  const done = await alone(database, options);
  try {
    if (!areKept(counts)) yield* makeCounts(database, options);
    for (const object of objects) {
      if (object.verdict !== 'replace' || options.signal.aborted) continue;
      yield* outcomeOf(object.object_name, await replaceObject(database, object, options));
    }
    if (options.signal.aborted) yield* interruption(await planFunctions(database, level));
  } finally {
    await done();
  }
}

/** The counts last: nobody asks for them any more. */
export async function* restoreFunctions(
  database: Database,
  { objects, counts }: RestorePlan,
  options: TuneOptions,
): AsyncGenerator<Progress> {
  const done = await alone(database, options);
  try {
    for (const kept of objects) {
      if (options.signal.aborted) continue;
      yield* outcomeOf(kept.object_name, await restoreObject(database, kept, options));
    }
    if (counts.triggers > 0) yield* triggerSteps(removeCountTriggers(database, options));
    if (options.signal.aborted) yield* remainder(await planRestore(database));
  } finally {
    await done();
  }
}

async function* makeCounts(database: Database, options: TuneOptions): AsyncGenerator<Progress> {
  yield* triggerSteps(makeCountTriggers(database, options));
  if (options.signal.aborted) return;
  yield { what: 'counting' };
  await countFirst(database);
  yield { what: 'counted' };
}

async function* triggerSteps(tables: AsyncGenerator<TableLock>): AsyncGenerator<Progress> {
  for await (const { table_name, attempts, ms } of tables) {
    yield { what: 'triggers', table_name, lock_attempts: attempts, locks_ms: ms };
  }
}

function* outcomeOf(object_name: string, outcome: Outcome): Generator<Progress> {
  if (outcome !== 'waited') yield { what: 'object', object_name, outcome };
}

/** A signal that came when all was done has interrupted nothing. */
function* interruption({ objects, counts }: FunctionPlan): Generator<Progress> {
  const finished = areKept(counts) && objects.every(({ verdict }) => verdict !== 'replace');
  if (!finished) yield { what: 'interrupted' };
}

function* remainder({ objects, counts }: RestorePlan): Generator<Progress> {
  if (objects.length > 0 || counts.triggers > 0) yield { what: 'interrupted' };
}
