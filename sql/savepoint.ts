// A part of a transaction that can fail without the rest.
import type { Executor } from './database.ts';

/** When `work` throws, what it did is undone, the transaction goes on, and the error is thrown. */
export async function inSavepoint<Result>(tx: Executor, work: () => Promise<Result>): Promise<Result> {
  await tx.query('savepoint treadle_part');
  try {
    const result = await work();
    await tx.query('release savepoint treadle_part');
    return result;
  } catch (error) {
    await tx.query('rollback to savepoint treadle_part').catch(() => {}); // the connection is gone, and with it all of it
    throw error;
  }
}
