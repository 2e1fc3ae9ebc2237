// The figures of the benchmark `native` for people.
import type { Headline } from '../benchmark.ts';
import { table } from '../report.ts';
import type { NativeResult } from './result.ts';

export function nativeText({ runs, missing, rows, alone, overheads }: NativeResult): string {
  return [
    `native: one attempt there and back with the whole lifecycle, without engine and Postgres (medians of ${runs} runs)`,
    ...missing.map((why) => `left out: ${why}`),
    table(
      ['handlers in', 'payload', 'in flight', 'calls/s', 'p50 us', 'p99 us', 'CPU us'],
      rows.map((row) => [
        row.place,
        row.payload,
        row.in_flight,
        row.per_second,
        row.p50_us,
        row.p99_us,
        row.cpu_us,
      ]),
    ),
    'above the same call without Treadle, for a handler that works for 1 ms (p50, one in flight):',
    table(
      ['handlers in', 'us', '%'],
      overheads.map(({ place, us, percent }) => [place, us, percent]),
    ),
    "the same work by the language's own interpreter, without Treadle (JSON in, the method, JSON out):",
    table(
      ['language', 'payload', 'calls/s', 'us per call of 1 ms'],
      alone.map((row) => [row.language, row.payload, row.echo_calls_per_second, row.one_ms_us_per_call]),
    ),
  ].join('\n');
}

export function nativeHeadlines({ rows }: NativeResult): readonly Headline[] {
  return rows
    .filter(
      ({ place, payload, in_flight }) => place.startsWith('native') && payload === '1 KiB' && in_flight === 1,
    )
    .map(({ place, p50_us }) => [`one attempt there and back, ${place}`, `${p50_us} microseconds`] as const);
}
