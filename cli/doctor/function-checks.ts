// Whether the reports of an adopted database are fast: advice, for a database works without. Says nothing where Treadle made the tables.
import type { Database } from '../../sql/database.ts';
import { areKept, keptCounts } from '../../sql/function-tuning/kept-counts.ts';
import { planFunctions } from '../../sql/function-tuning/tuning.ts';
import { migrationStatus } from '../../sql/migrate.ts';
import { ok, warn, type Check } from './check.ts';

export async function functionChecks(database: Database): Promise<Check[]> {
  const { adopted } = await migrationStatus(database);
  if (!adopted) return [];
  const counts = await keptCounts(database);
  if (counts.triggers > 0 && !areKept(counts)) {
    return [
      warn(
        'functions',
        `${counts.triggers} of ${counts.of} triggers count states, and nothing is kept yet: a run was broken off, or is at work`,
        'Run "treadle tune functions --yes" or "treadle tune functions --restore" again.',
      ),
    ];
  }
  const { objects } = await planFunctions(database, 'all');
  const count = (wanted: string): number => objects.filter(({ verdict }) => verdict === wanted).length;
  const [ours, ofApp] = [count('ours'), count('replace')];
  const check = ok(
    'functions',
    `${ours} of the view and functions in public are Treadle's, ${ofApp} of the app`,
  );
  return [ofApp === 0 ? check : { ...check, advice: ADVICE }];
}

const ADVICE =
  '"treadle tune functions" shows how long they take here; with --yes Treadle\'s take their place, and --restore brings them back.';
