// A transaction that leaves nothing behind, for tests that share one database.
import type { Database, Executor } from '../../sql/database.ts';

class RollBack extends Error {}

/** Runs `work` in a transaction, rolls it back, and returns what `work` returned. */
export async function inRolledBackTransaction<Result>(
  database: Database,
  work: (tx: Executor) => Promise<Result>,
): Promise<Result> {
  const returned: Result[] = [];
  await database
    .transaction(async (tx) => {
      returned.push(await work(tx));
      throw new RollBack();
    })
    .catch((error: unknown) => {
      if (!(error instanceof RollBack)) throw error;
    });
  const [result] = returned;
  return result as Result;
}
