// Subscribing to what other processes say on the channel `treadle`.
import type pg from 'pg';

export async function listen(client: pg.ClientBase): Promise<void> {
  await client.query('listen treadle');
}
