// Two demos on one database would run each other's orders against the wrong payment provider: the second one is refused.
import type { Database } from '../../index.ts';

const LOCK = `hashtextextended('treadle.example.order-fulfillment', 0)`;

/** Holds the lock until the returned function is called, or the process ends. */
export async function claimDemo(database: Database): Promise<() => Promise<void>> {
  const client = database.dedicatedClient('treadle demo lock');
  client.on('error', () => {}); // the connection and the lock go together, and the queries say the rest
  await client.connect();
  const { rows } = await client.query<{ locked: boolean }>(`select pg_try_advisory_lock(${LOCK}) as locked`);
  if (rows[0]?.locked) return () => client.end();
  await client.end();
  throw new Error('another demo is running on this database: wait until it ends');
}
