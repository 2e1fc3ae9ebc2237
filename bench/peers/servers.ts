// The server below a contender, as the measuring sees it: its CPU time, and its statistics.
import { Redis } from 'ioredis';
import { Database } from '../../sql/database.ts';
import { postgresCpu } from '../cpu.ts';

export interface Server {
  /** CPU time so far in ms; undefined where the system does not tell. */
  readonly cpu: () => Promise<number | undefined>;
  /** Makes the statistics that autovacuum would have made by then. */
  readonly analyze: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export function serverOf(url: string): Server {
  return url.startsWith('postgres') ? postgres(url) : redis(url);
}

function postgres(url: string): Server {
  const database = new Database({ url, maxConnections: 1 });
  return {
    cpu: () => postgresCpu(database),
    analyze: async () => void (await database.query('analyze')),
    close: () => database.close(),
  };
}

function redis(url: string): Server {
  const client = new Redis(url);
  return {
    cpu: async () => {
      const info = await client.info('cpu');
      const seconds = (name: string): number => Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]);
      return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1000;
    },
    analyze: async () => {},
    close: async () => void (await client.quit()),
  };
}
