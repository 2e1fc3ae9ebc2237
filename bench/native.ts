// Handlers in Python and Ruby inside of the engine's process, beside those in worker processes and in TypeScript: attempts
// there and back with the whole lifecycle, without engine and Postgres; and the same work without Treadle. Needs no Postgres.
import { run } from '../scripts/programs.ts';
import { benchmarkWithoutServer, type BenchOptions } from './benchmark.ts';
import { repeated } from './measure.ts';
import { placesHere, type Place, type Plain } from './native/places.ts';
import { nativeHeadlines, nativeText } from './native/report.ts';
import {
  nativeRow,
  overheads,
  plainRow,
  type NativeResult,
  type PlainRow,
  type Size,
} from './native/result.ts';
import { echoes, LONG, oneMillisecond, SHORT, type Pace } from './native/trips.ts';
import { IN_FLIGHT, type TripRun } from './polyglot/trips.ts';

export const native = benchmarkWithoutServer<NativeResult>({
  name: 'native',
  says: 'Python and Ruby inside of the process, beside gRPC, TypeScript, and the same work without Treadle',
  measure: benchNative,
  report: nativeText,
  headlines: nativeHeadlines,
});

const SIZES: readonly Size[] = [
  { payload: '1 KiB', bytes: 1_000 },
  { payload: '100 KiB', bytes: 100_000 },
];

interface Round {
  /** Of each place: one list for each size, and one for the millisecond of work. */
  readonly trips: readonly (readonly (readonly TripRun[])[])[];
  readonly alone: readonly PlainRow[];
}

async function benchNative({ quick, runs, onProgress }: BenchOptions): Promise<NativeResult> {
  const { places, plains, missing } = await placesHere();
  for (const why of missing) onProgress(`left out: ${why}`);
  const rounds = await repeated(runs, async (round) => {
    const turn = `run ${round + 1} of ${runs}`;
    const trips: Round['trips'][number][] = [];
    for (const place of places) {
      onProgress(`${place.name}: ${turn}`);
      trips.push(await tripsOf(place, quick ? SHORT : LONG));
    }
    onProgress(`without Treadle: ${turn}`);
    return { trips, alone: await allWithoutTreadle(plains) };
  });
  const rows = places.flatMap((place, at) =>
    rowsOf(
      place,
      rounds.map(({ trips }) => trips[at] ?? []),
    ),
  );
  const first = rounds[0]?.alone ?? [];
  const alone = first.map((_, at) => plainRow(rounds.flatMap((round) => round.alone[at] ?? [])));
  return { runs, missing, rows, alone, overheads: overheads(rows, alone) };
}

async function tripsOf(place: Place, pace: Pace): Promise<TripRun[][]> {
  const measured: TripRun[][] = [];
  // oxlint-disable-next-line no-await-in-loop -- sizes that were measured together would measure each other
  for (const size of SIZES) measured.push(await echoes(place, size, pace));
  return [...measured, await oneMillisecond(place, pace)];
}

function rowsOf(place: Place, rounds: Round['trips']): NativeResult['rows'] {
  return [...SIZES, undefined].flatMap((size, at) =>
    (size ? IN_FLIGHT : [1]).map((inFlight, turn) =>
      nativeRow(
        { place: place.name, language: place.language, payload: size?.payload ?? '1 ms of work', inFlight },
        rounds.flatMap((round) => round[at]?.[turn] ?? []),
      ),
    ),
  );
}

/** In each round, for the machine has better and worse minutes. */
async function allWithoutTreadle(plains: readonly Plain[]): Promise<PlainRow[]> {
  const rows: PlainRow[] = [];
  // oxlint-disable-next-line no-await-in-loop -- one after the other, as everything here
  for (const each of plains) for (const size of SIZES) rows.push(await withoutTreadle(each, size));
  return rows;
}

async function withoutTreadle({ language, command }: Plain, { payload, bytes }: Size): Promise<PlainRow> {
  const [program = '', ...args] = command;
  const { ok, said } = await run(program, [...args, String(bytes)]);
  const line = said.trim().split('\n').at(-1) ?? '';
  if (!ok) throw new Error(`${program} ended: ${line}`);
  const figures = JSON.parse(line) as Pick<PlainRow, 'echo_calls_per_second' | 'one_ms_us_per_call'>;
  return { language, payload, ...figures };
}
