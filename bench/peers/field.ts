// Who takes part in `npm run bench -- peers`, and with how much work: enough for some seconds each, as their rates lie two orders of
// magnitude apart.
import type { Contender, Work } from './contender.ts';

export type Store = 'postgres' | 'redis everysec' | 'redis always';

export interface Starter {
  readonly name: string;
  /** Only the process that runs it loads it. */
  readonly load: () => Promise<Contender>;
  readonly store: Store;
  /** How many workflows a full run has. */
  readonly workflows: Readonly<Record<Work, number>>;
}

export const TREADLE = 'Treadle';

export const FIELD: readonly Starter[] = [
  {
    name: TREADLE,
    load: async () => (await import('./treadle.ts')).treadle,
    store: 'postgres',
    workflows: { one_step: 12_000, seven_steps: 6_000, diamond: 6_000 },
  },
  {
    name: 'graphile-worker',
    load: async () => (await import('./graphile-worker.ts')).graphileWorker,
    store: 'postgres',
    workflows: { one_step: 100_000, seven_steps: 1_500, diamond: 1 },
  },
  {
    name: 'pg-boss',
    load: async () => (await import('./pg-boss.ts')).pgBoss,
    store: 'postgres',
    workflows: { one_step: 60_000, seven_steps: 3_000, diamond: 3_000 },
  },
  {
    name: 'DBOS Transact',
    load: async () => (await import('./dbos.ts')).dbos,
    store: 'postgres',
    workflows: { one_step: 2_000, seven_steps: 600, diamond: 1_000 },
  },
  {
    name: 'DBOS Transact, queue',
    load: async () => (await import('./dbos.ts')).dbosQueue,
    store: 'postgres',
    workflows: { one_step: 1_500, seven_steps: 400, diamond: 600 },
  },
  {
    name: 'BullMQ, Postgres',
    load: async () => (await import('./bullmq.ts')).bullmqPostgres,
    store: 'postgres',
    workflows: { one_step: 4_000, seven_steps: 500, diamond: 700 },
  },
  {
    name: 'BullMQ, Redis',
    load: async () => (await import('./bullmq.ts')).bullmqEverySecond,
    store: 'redis everysec',
    workflows: { one_step: 30_000, seven_steps: 2_500, diamond: 2_000 },
  },
  {
    name: 'BullMQ, Redis, fsync always',
    load: async () => (await import('./bullmq.ts')).bullmqAlways,
    store: 'redis always',
    workflows: { one_step: 15_000, seven_steps: 1_500, diamond: 1_500 },
  },
];
