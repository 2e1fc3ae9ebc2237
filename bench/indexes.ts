// What the indexes cost that no query needs: the same work with all indexes of the Rails schema, without those that repeat
// others, and without those that nothing uses (`treadle tune indexes`). The three take turns, so that a machine that gets
// busier is unfair to none of them.
import { pino } from 'pino';
import { Engine } from '../engine/engine.ts';
import { GraphileWorkerQueue } from '../engine/queue/graphile-worker.ts';
import type { Database } from '../sql/database.ts';
import { dropIndexes } from '../sql/index-changes.ts';
import { planTuning, type TuningLevel } from '../sql/tuning.ts';
import { benchmark, type BenchOptions } from './benchmark.ts';
import { median, repeated, rounded, timed } from './measure.ts';
import { table } from './report.ts';
import type { BenchServer } from './server.ts';
import { LINEAR, NoopHandler } from './shapes.ts';
import { createTasks, runToEnd, verifyAuditTrail, type Run } from './work.ts';

const SCHEMAS = ['rails', 'duplicates', 'all'] as const satisfies readonly ('rails' | TuningLevel)[];
type Schema = (typeof SCHEMAS)[number];

const CALLED: Readonly<Record<Schema, string>> = {
  rails: 'as in Rails',
  duplicates: 'without duplicates',
  all: 'tuned',
};

export interface IndexesRow {
  readonly schema: Schema;
  readonly indexes: number;
  readonly steps_per_second: number;
  /** Steps per second beside the schema of Rails. */
  readonly times_rails: number;
  /** Null where the system does not tell. */
  readonly postgres_cpu_us_per_step: number | null;
  readonly node_cpu_us_per_step: number;
  /** Write-ahead log of creating and running, per step. */
  readonly wal_bytes_per_step: number;
  readonly index_bytes_per_step: number;
  readonly tasks_created_per_second: number;
}

export interface IndexesResult {
  readonly runs: number;
  readonly tasks: number;
  readonly concurrency: number;
  readonly rows: readonly IndexesRow[];
}

export const indexes = benchmark<IndexesResult>({
  name: 'indexes',
  says: 'What the indexes of the Rails schema cost that "treadle tune indexes" drops',
  measure: benchIndexes,
  report: indexesText,
});

async function benchIndexes(server: BenchServer, options: BenchOptions): Promise<IndexesResult> {
  const { runs, concurrency, onProgress } = options;
  const tasks = options.tasks ?? (options.quick ? LINEAR.quickTasks : LINEAR.tasks);
  const measured = await repeated(runs * SCHEMAS.length, async (turn) => {
    const schema = SCHEMAS[turn % SCHEMAS.length] ?? 'rails';
    const run = await server.withDatabase((database) => runOnce(database, schema, { tasks, concurrency }));
    const rate = Math.round((tasks * LINEAR.steps * 1000) / run.run_ms);
    onProgress(
      `indexes: ${CALLED[schema]}, run ${Math.floor(turn / SCHEMAS.length) + 1} of ${runs}, ${rate} steps/s`,
    );
    return run;
  });
  const ofSchema = (schema: Schema): SchemaRun[] => measured.filter((run) => run.schema === schema);
  const railsMs = median(ofSchema('rails').map((run) => run.run_ms));
  return {
    runs,
    tasks,
    concurrency,
    rows: SCHEMAS.map((schema) => summary(schema, ofSchema(schema), { tasks, railsMs })),
  };
}

interface SchemaRun extends Run {
  readonly schema: Schema;
  readonly indexes: number;
  readonly index_bytes: number;
  readonly wal_bytes: number;
  readonly create_ms: number;
}

async function runOnce(
  database: Database,
  schema: Schema,
  { tasks, concurrency }: { tasks: number; concurrency: number },
): Promise<SchemaRun> {
  if (schema !== 'rails') await tune(database, schema);
  const log = pino({ level: 'silent' });
  const queue = new GraphileWorkerQueue({ database, log });
  const creator = new Engine({ database, queue });
  await queue.install();
  await creator.registerTemplates([LINEAR.template]);
  const from = await walPosition(database);
  const { ms: create_ms } = await timed(() => createTasks(creator, LINEAR, tasks));
  await database.query('analyze');
  const run = await runToEnd({ database, queue, handlers: [NoopHandler], concurrency, log }, tasks);
  await verifyAuditTrail(database, LINEAR, tasks);
  const wal_bytes = (await walPosition(database)) - from;
  const { total } = await planTuning(database, 'all');
  return { schema, create_ms, ...run, wal_bytes, index_bytes: total.bytes, indexes: total.indexes };
}

async function tune(database: Database, level: TuningLevel): Promise<void> {
  const { drop } = await planTuning(database, level);
  for await (const { index_name, done } of dropIndexes(database, drop, { lockTimeoutSeconds: 60 })) {
    if (!done) throw new Error(`${index_name} was not dropped`);
  }
}

async function walPosition(database: Database): Promise<number> {
  const [row] = await database.query<{ position: number }>(
    `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as position`,
  );
  if (!row) throw new Error('the server did not say how much it has written');
  return row.position;
}

function summary(
  schema: Schema,
  runs: readonly SchemaRun[],
  { tasks, railsMs }: { tasks: number; railsMs: number },
): IndexesRow {
  const steps = tasks * LINEAR.steps;
  const of = (pick: (run: SchemaRun) => number): number => median(runs.map(pick));
  const postgres = runs.flatMap(({ postgres_cpu_ms }) => postgres_cpu_ms ?? []);
  const runMs = of((run) => run.run_ms);
  return {
    schema,
    indexes: of((run) => run.indexes),
    steps_per_second: Math.round((steps * 1000) / runMs),
    times_rails: rounded(railsMs / runMs),
    postgres_cpu_us_per_step: postgres.length > 0 ? rounded((median(postgres) * 1000) / steps) : null,
    node_cpu_us_per_step: rounded((of((run) => run.node_cpu_ms) * 1000) / steps),
    wal_bytes_per_step: Math.round(of((run) => run.wal_bytes) / steps),
    index_bytes_per_step: Math.round(of((run) => run.index_bytes) / steps),
    tasks_created_per_second: rounded((tasks * 1000) / of((run) => run.create_ms)),
  };
}

function indexesText({ runs, tasks, concurrency, rows }: IndexesResult): string {
  const head = [
    'schema',
    'indexes',
    'steps/s',
    'times Rails',
    'CPU us/step: postgres',
    'node',
    'WAL bytes/step',
    'index bytes/step',
    'created tasks/s',
  ];
  const body = rows.map((row) => [
    CALLED[row.schema],
    row.indexes,
    row.steps_per_second,
    `${row.times_rails}x`,
    row.postgres_cpu_us_per_step ?? '-',
    row.node_cpu_us_per_step,
    row.wal_bytes_per_step,
    row.index_bytes_per_step,
    row.tasks_created_per_second,
  ]);
  const title = `indexes: ${tasks} tasks of ${LINEAR.name}, no-op steps, concurrency ${concurrency} (medians of ${runs} runs that take turns)`;
  return `${title}\n${table(head, body)}`;
}
