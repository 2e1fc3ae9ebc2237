// What engines cost while there is nothing to do, on a database with a long history: the statements that they send, counted
// in the driver (each begin and commit is one); the transactions as Postgres counts them; the CPU of both; and what one
// claim that finds nothing takes on the server.
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { Engine } from '../engine/engine.ts';
import type { Database } from '../sql/database.ts';
import { registerWorker } from '../sql/steps.ts';
import { benchmark } from './benchmark.ts';
import { cpuMilliseconds, postgresCpu } from './cpu.ts';
import { writeHistory } from './history.ts';
import { median, rounded } from './measure.ts';
import { table } from './report.ts';
import type { BenchServer } from './server.ts';
import { NoopHandler } from './shapes.ts';
import { countStatements } from './statements.ts';

const HANDLER = 'NoopHandler';
const CLAIMS = 200;

/** What engines do once, or only for a while after their start, is over by then. */
const SETTLE_SECONDS = 10;

export interface IdleOptions {
  readonly quick: boolean;
  readonly onProgress: (line: string) => void;
}

export interface IdleRow {
  readonly engines: number;
  readonly seconds: number;
  /** Of all engines together, a second. */
  readonly statements_per_second: number;
  readonly transactions_per_second: number;
  /** Milliseconds of CPU a second; Postgres: of the whole server, null where it cannot be read. */
  readonly node_cpu_ms_per_second: number;
  readonly postgres_cpu_ms_per_second: number | null;
  /** Who asks: how often in the whole time, by function or first words. */
  readonly statements: Readonly<Record<string, number>>;
}

export interface IdleResult {
  readonly finished_steps: number;
  /** One claim that finds nothing, on the server: the middle one, and the 99th of a hundred. */
  readonly empty_claim_p50_ms: number;
  readonly empty_claim_p99_ms: number;
  readonly rows: readonly IdleRow[];
}

export const idle = benchmark<IdleResult>({
  name: 'idle',
  says: 'What engines that have nothing to do ask of Postgres, and what that costs',
  measure: benchIdle,
  report: idleText,
});

async function benchIdle(server: BenchServer, options: IdleOptions): Promise<IdleResult> {
  const steps = options.quick ? 1000 : 1_000_000;
  const seconds = options.quick ? 2 : 30;
  const settleSeconds = options.quick ? 0 : SETTLE_SECONDS;
  return server.withDatabase(async (database) => {
    options.onProgress(`idle: writing ${steps.toLocaleString('en')} finished steps`);
    await writeHistory(database, steps, 0);
    const claims = await emptyClaims(database);
    const rows: IdleRow[] = [];
    const engines: Engine[] = [];
    try {
      for (const count of [1, 2]) {
        // oxlint-disable-next-line no-await-in-loop -- the second comes when the first was measured alone
        engines.push(await idleEngine(database));
        // oxlint-disable-next-line no-await-in-loop
        await pause(settleSeconds * 1000);
        // oxlint-disable-next-line no-await-in-loop
        const row = await watch(database, count, seconds);
        options.onProgress(`idle: ${count} engines, ${row.statements_per_second} statements/s`);
        rows.push(row);
      }
    } finally {
      await Promise.all(engines.map((engine) => engine.stop()));
    }
    const [p50, p99] = [median(claims), claims.toSorted((a, b) => a - b)[Math.floor(claims.length * 0.99)]];
    return {
      finished_steps: steps,
      empty_claim_p50_ms: rounded(p50),
      empty_claim_p99_ms: rounded(p99 ?? p50),
      rows,
    };
  });
}

async function idleEngine(database: Database): Promise<Engine> {
  const engine = new Engine({
    database: database.url,
    handlers: [NoopHandler],
    log: pino({ level: 'silent' }),
  });
  await engine.start();
  return engine;
}

async function watch(database: Database, engines: number, seconds: number): Promise<IdleRow> {
  const postgresBefore = await postgresCpu(database);
  const transactionsBefore = await transactions(database);
  const nodeBefore = cpuMilliseconds();
  const counter = countStatements();
  const began = performance.now();
  await pause(seconds * 1000);
  const took = (performance.now() - began) / 1000;
  counter.stop();
  const node = cpuMilliseconds() - nodeBefore;
  const postgres = await postgresCpu(database);
  const committed = (await transactions(database)) - transactionsBefore - 1; // the last question
  const sent = counter.total();
  return {
    engines,
    seconds,
    statements_per_second: rounded(sent / took),
    transactions_per_second: rounded(Math.max(committed, 0) / took),
    node_cpu_ms_per_second: rounded(node / took),
    postgres_cpu_ms_per_second:
      postgres === undefined || postgresBefore === undefined
        ? null
        : rounded((postgres - postgresBefore) / took),
    statements: Object.fromEntries(Object.entries(counter.counts).toSorted(([, a], [, b]) => b - a)),
  };
}

/** Of this database, by whomever. Sessions report what they did within a second of doing it, or when they next do something. */
async function transactions(database: Database): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    'select xact_commit + xact_rollback as count from pg_stat_database where datname = current_database()',
  );
  return row?.count ?? 0;
}

/** The server's own times of claims that find nothing. */
async function emptyClaims(database: Database): Promise<number[]> {
  const worker = await registerWorker(database, {
    name: 'idle',
    handlers: [HANDLER],
    capacity: 1,
    leaseSeconds: 60,
  });
  const client = database.dedicatedClient('treadle bench');
  await client.connect();
  try {
    const times: number[] = [];
    for (let claim = 0; claim < CLAIMS; claim += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, as an engine asks
      const { rows } = await client.query<{ 'QUERY PLAN': [{ 'Execution Time': number }] }>(
        'explain (analyze, timing off, format json) select * from treadle.claim_steps($1, $2, $3, 100)',
        [worker.worker_id, worker.epoch, [HANDLER]],
      );
      const [plan] = rows[0]?.['QUERY PLAN'] ?? [];
      if (plan) times.push(plan['Execution Time']);
    }
    return times.slice(10); // the first ones plan
  } finally {
    await client.end();
    await database.query('delete from treadle.workers where worker_id = $1', [worker.worker_id]);
  }
}

function idleText({ finished_steps, rows, ...claim }: IdleResult): string {
  const head = ['engines', 'statements/s', 'transactions/s', 'CPU ms/s: node', 'postgres', 'who asks'];
  const body = rows.map((row) => [
    row.engines,
    row.statements_per_second,
    row.transactions_per_second,
    row.node_cpu_ms_per_second,
    row.postgres_cpu_ms_per_second ?? '-',
    Object.entries(row.statements)
      .map(([name, times]) => `${name} ${times}`)
      .join('\n'),
  ]);
  const title =
    `idle: nothing ready, ${finished_steps.toLocaleString('en')} finished steps, ${rows[0]?.seconds ?? 0} s each; ` +
    `a claim that finds nothing takes ${claim.empty_claim_p50_ms} ms on the server (p99 ${claim.empty_claim_p99_ms})`;
  return `${title}\n${table(head, body)}`;
}
