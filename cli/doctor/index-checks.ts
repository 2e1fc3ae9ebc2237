// What the indexes cost that no query needs: advice, for a database works with them.
import type { Database } from '../../sql/database.ts';
import { droppedIndexes, planTuning } from '../../sql/tuning.ts';
import { gainText, measuredText } from '../tuning-report.ts';
import { ok, warn, type Check } from './check.ts';

export async function indexCheck(database: Database): Promise<Check> {
  const dropped = await droppedIndexes(database);
  const halfway = dropped.filter(({ is_valid }) => is_valid === false);
  if (halfway.length > 0) {
    return warn(
      'indexes',
      `${halfway.map(({ index_name }) => index_name).join(', ')}: half dropped or half restored, written to and never read`,
      'Run "treadle tune indexes --yes" or "treadle tune indexes --restore" again.',
    );
  }
  const plan = await planTuning(database, 'all');
  if (plan.drop.length > 0) {
    return {
      ...ok('indexes', `no query needs ${gainText(plan)}; ${measuredText('all')}`),
      advice:
        '"treadle tune indexes" lists them; it drops them with --yes, and restores them with --restore.',
    };
  }
  const gone = dropped.filter(({ is_valid }) => is_valid === null).length;
  const undo = gone === 0 ? '' : `; ${gone} were dropped by "treadle tune indexes"`;
  return ok('indexes', `every index of the Rails tables is needed${undo}`);
}
