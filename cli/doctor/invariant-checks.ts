// Whether the rows are as Rails apps and engines expect them, by treadle.check_invariants.
import type { Database } from '../../sql/database.ts';
import { checkInvariants, newestTasks, type Violation } from '../../sql/invariants.ts';
import { fail, ok, type Check } from './check.ts';

/** Looked at in about a second; more only when it is asked for. */
const NEWEST_TASKS = 10_000;
const SHOWN = 3;

export async function invariantCheck(database: Database, all: boolean): Promise<Check> {
  const taskIds = all ? undefined : await newestTasks(database, NEWEST_TASKS);
  const broken = await checkInvariants(database, taskIds);
  const where = taskIds === undefined ? 'all tasks' : `the newest ${taskIds.length} tasks`;
  if (broken.length === 0) return ok('invariants', `the rows of ${where} are sound`);
  return fail('invariants', `${broken.length} broken in ${where}: ${shown(broken)}`, ADVICE);
}

const ADVICE =
  'Somebody else wrote these rows, or it is a defect: "select * from treadle.check_invariants()" lists them all.';

function shown(broken: readonly Violation[]): string {
  const first = broken
    .slice(0, SHOWN)
    .map(
      ({ invariant, subject, subject_id, violation }) =>
        `${subject} ${subject_id} ${violation} (${invariant})`,
    );
  return [...first, ...(broken.length > SHOWN ? ['...'] : [])].join('; ');
}
