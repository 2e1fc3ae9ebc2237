// The figures for people: the goal first, then what it rests on.
import { ratioText } from '../measure.ts';
import { table } from '../report.ts';
import type { Headline } from '../benchmark.ts';
import { engineRowOf, IN_PROCESS, type PolyglotResult } from './result.ts';
import type { TripRow } from './trips.ts';

export function polyglotText(result: PolyglotResult): string {
  const { runs, missing, transport, protocol } = result;
  const left = missing.map((why) => `left out: ${why}`);
  return [
    `polyglot: no-op steps with one worker process of each language (medians of ${runs} runs, taken in turn)`,
    ...left,
    goalTable(result),
    'steps through the whole engine, linear 7:',
    engineTable(result),
    'what Treadle adds to a bare stream, per step:',
    overheadTable(result),
    'round trips on a bare stream, 1 KiB:',
    tripTable(transport),
    'steps through the worker protocol, without engine and Postgres:',
    tripTable(protocol),
  ].join('\n');
}

function goalTable({ goals }: PolyglotResult): string {
  return table(
    ['at 16 in flight', 'steps/s', 'goal', 'which is', 'reached'],
    goals.map(({ language, steps_per_second, needed, because, reached }) => [
      language,
      steps_per_second,
      needed,
      because,
      reached ? 'yes' : 'NO',
    ]),
  );
}

function engineTable({ engine }: PolyglotResult): string {
  const head = [
    'handlers in',
    'in flight',
    'of in process',
    'steps/s',
    'CPU us/step: engine',
    'postgres',
    'worker',
  ];
  const body = engine.map((row) => [
    row.subject,
    row.in_flight,
    ratioText(row.steps_per_second / (engineRowOf(engine, IN_PROCESS, row.in_flight)?.steps_per_second ?? 1)),
    row.steps_per_second,
    row.engine_cpu_us_per_step,
    row.postgres_cpu_us_per_step ?? '-',
    row.worker_cpu_us_per_step ?? '-',
  ]);
  return table(head, body);
}

function overheadTable({ overheads }: PolyglotResult): string {
  return table(
    ['handlers in', 'ms by the clock', 'CPU us: worker', 'engine'],
    overheads.map((row) => [row.language, row.ms, row.worker_cpu_us ?? '-', row.engine_cpu_us ?? '-']),
  );
}

function tripTable(rows: readonly TripRow[]): string {
  return table(
    ['language', 'in flight', 'per second', 'p50 ms', 'p99 ms', 'CPU us: server', 'client'],
    rows.map((row) => [
      row.language,
      row.in_flight,
      row.per_second,
      row.p50_ms,
      row.p99_ms,
      row.server_cpu_us,
      row.client_cpu_us ?? '-',
    ]),
  );
}

export function polyglotHeadlines({ engine, overheads }: PolyglotResult): readonly Headline[] {
  return overheads.map(({ language, ms }) => {
    const rate = engineRowOf(engine, language, 16)?.steps_per_second ?? 0;
    return [
      `no-op steps in ${language}, 16 at once`,
      `${rate.toLocaleString('en')} steps/s, ${ms} ms of each Treadle's own`,
    ];
  });
}
