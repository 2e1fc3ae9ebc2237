// What migrate does in an adopted database whose view and functions `treadle tune functions` has replaced: those of another version
// become ours of this one. What somebody has put in their place since is theirs, and what was kept is not touched.
import type { Executor } from '../database.ts';
import type { RoutineFile } from '../routines.ts';
import {
  isOurs,
  objectsOf,
  publicDefinitions,
  replacedDefinitions,
  type OurObject,
  type ReplacedDefinition,
} from './definitions.ts';
import { installOurs } from './replacement.ts';

/** Whether all that were replaced are those of these files, or were looked at with them. */
export async function replacedAreCurrent(db: Executor, routines: readonly RoutineFile[]): Promise<boolean> {
  return (await outdated(db, routines)).length === 0;
}

/** In the transaction and under the lock of migrate. Returns how many were renewed. */
export async function renewReplaced(
  tx: Executor,
  routines: readonly RoutineFile[],
  say: (line: string) => void,
): Promise<number> {
  const renewals = await outdated(tx, routines);
  // who reads the view now is waited for, and others behind us: not for long
  if (renewals.length > 0)
    await tx.query(`set local check_function_bodies = off; set local lock_timeout = '1s'`);
  let renewed = 0;
  for (const renewal of renewals) {
    // oxlint-disable-next-line no-await-in-loop -- one connection
    if (await renew(tx, renewal)) renewed += 1;
    else say(`note: ${renewal.object_name} is not what "treadle tune functions" put there; left alone`);
  }
  return renewed;
}

interface Renewal extends OurObject {
  readonly kept: ReplacedDefinition;
}

async function outdated(db: Executor, routines: readonly RoutineFile[]): Promise<Renewal[]> {
  const replaced = await replacedDefinitions(db);
  return objectsOf(routines).flatMap((object) => {
    const kept = replaced.find(({ object_name }) => object_name === object.object_name);
    return kept === undefined || kept.source_hash === object.source_hash ? [] : [{ ...object, kept }];
  });
}

async function renew(tx: Executor, { kept, ...object }: Renewal): Promise<boolean> {
  const [found] = await publicDefinitions(tx, [kept.object_name]);
  const renews = found !== undefined && isOurs(found, kept);
  const ours = renews ? (await installOurs(tx, object)).definition : kept.ours;
  await tx.query(
    'update treadle.replaced_definitions set ours = $2, source_hash = $3 where object_name = $1',
    [kept.object_name, ours, object.source_hash],
  );
  return renews;
}
