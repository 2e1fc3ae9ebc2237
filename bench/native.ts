// Handlers in Python and Ruby inside of the engine's process, beside those in worker processes and in TypeScript: attempts
// there and back with the whole lifecycle, without engine and Postgres; and the same work without Treadle. Needs no Postgres.
import { run } from '../scripts/programs.ts';
import { benchmarkWithoutServer, type BenchOptions } from './benchmark.ts';
import { repeated } from './measure.ts';
import { placesHere, type Place, type Plain } from './native/places.ts';
import { nativeHeadlines, nativeText } from './native/report.ts';
import { nativeRow, overheads, type NativeResult, type PlainRow, type Size } from './native/result.ts';
import { IN_FLIGHT, travel, type TripRun } from './polyglot/trips.ts';

export const native = benchmarkWithoutServer<NativeResult>({
  name: 'native',
  says: 'Python and Ruby inside of the process, beside gRPC, TypeScript, and the same work without Treadle',
  measure: benchNative,
  report: nativeText,
  headlines: nativeHeadlines,
});

const SIZES: readonly Size[] = [
  { payload: '1 KiB', bytes: 1_000, calls: 8_000 },
  { payload: '100 KiB', bytes: 100_000, calls: 800 },
];
const CALLS_OF_ONE_MS = 1_000;

async function benchNative({ quick, runs, onProgress }: BenchOptions): Promise<NativeResult> {
  const { places, plains, missing } = await placesHere();
  for (const why of missing) onProgress(`left out: ${why}`);
  const sizes = SIZES.map((size) => ({ ...size, calls: quick ? size.calls / 20 : size.calls }));
  const rounds = await repeated(runs, async (round) => {
    const measured: TripRun[][] = [];
    for (const place of places) {
      onProgress(`${place.name}: run ${round + 1} of ${runs}`);
      for (const size of sizes) measured.push(await echoes(place, size));
      measured.push([await oneMillisecond(place, quick ? CALLS_OF_ONE_MS / 10 : CALLS_OF_ONE_MS)]);
    }
    return measured;
  });
  const cells = places.flatMap((place) => [...sizes, undefined].map((size) => ({ place, size })));
  const rows = cells.flatMap(({ place, size }, at) =>
    (size ? IN_FLIGHT : [1]).map((inFlight, turn) => {
      const trips = rounds.flatMap((round) => round[at]?.[turn] ?? []);
      return nativeRow(
        { place: place.name, language: place.language, payload: size?.payload ?? '1 ms of work', inFlight },
        trips,
      );
    }),
  );
  const alone: PlainRow[] = [];
  for (const each of plains) for (const size of sizes) alone.push(await withoutTreadle(each, size));
  return { runs, missing, rows, alone, overheads: overheads(rows, alone) };
}

/** One open place, and as many in flight as each figure asks for. */
async function echoes(place: Place, { bytes, calls }: Size): Promise<TripRun[]> {
  const context = Object.freeze({ order: 'x'.repeat(bytes) });
  const { carrier, subject, close } = await place.open({ handler: place.echo, context });
  try {
    await travel(carrier, Math.max(...IN_FLIGHT), calls / 2, subject); // warms up
    return await repeated(IN_FLIGHT.length, (at) => travel(carrier, IN_FLIGHT[at] ?? 1, calls, subject));
  } finally {
    await close();
  }
}

async function oneMillisecond(place: Place, calls: number): Promise<TripRun> {
  const context = Object.freeze({ order: 'x'.repeat(1_000) });
  const { carrier, subject, close } = await place.open({ handler: 'OneMillisecond', context });
  try {
    await travel(carrier, 1, calls / 10, subject);
    return await travel(carrier, 1, calls, subject);
  } finally {
    await close();
  }
}

async function withoutTreadle({ language, command }: Plain, { payload, bytes }: Size): Promise<PlainRow> {
  const [program = '', ...args] = command;
  const { ok, said } = await run(program, [...args, String(bytes)]);
  const line = said.trim().split('\n').at(-1) ?? '';
  if (!ok) throw new Error(`${program} ended: ${line}`);
  const figures = JSON.parse(line) as Pick<PlainRow, 'echo_calls_per_second' | 'one_ms_us_per_call'>;
  return { language, payload, ...figures };
}
