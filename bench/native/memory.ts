// What a million calls leave behind in the memory of the process: attempts there and back as in the benchmark `native`, and what
// the process holds (RSS) after a warm-up and from then on ten times. Large payloads by themselves. Needs no Postgres.
import { benchmarkWithoutServer, type BenchOptions } from '../benchmark.ts';
import { residentMegabytes } from '../held-memory.ts';
import { rounded } from '../measure.ts';
import type { Carrier } from '../polyglot/trips.ts';
import { table } from '../report.ts';
import { placesHere, type Place } from './places.ts';

export interface MemoryRow {
  readonly place: string;
  readonly payload: string;
  /** After the warm-up. */
  readonly calls: number;
  /** After the warm-up, and after each tenth of the calls. */
  readonly rss_mb: readonly number[];
  /** The last beside the first. */
  readonly grown_mb: number;
}

interface MemoryResult {
  readonly in_flight: number;
  readonly missing: readonly string[];
  readonly rows: readonly MemoryRow[];
}

export const nativeMemory = benchmarkWithoutServer<MemoryResult>({
  name: 'native-memory',
  says: 'memory of the process over a million calls of native handlers',
  alone: true,
  runs: 1,
  measure: benchMemory,
  report: memoryText,
  headlines: ({ rows }) =>
    rows
      .filter(({ payload }) => payload === '1 KiB')
      .map(({ place, calls, grown_mb }) => [`memory after ${calls} calls, ${place}`, `${grown_mb} MB more`]),
});

const MILLION = 1_000_000;
const READINGS = 10;
const IN_FLIGHT = 16;
/** Of a payload's calls so many make the warm-up: until allocators have taken what they keep. */
const WARM_UP = 0.1;
const SIZES = [
  { payload: '1 KiB', bytes: 1_000, share: 1, inFlight: IN_FLIGHT },
  { payload: '100 KiB', bytes: 100_000, share: 1 / 50, inFlight: IN_FLIGHT },
  { payload: '5 MB', bytes: 5_000_000, share: 1 / 2_500, inFlight: 4 },
] as const;
type Size = (typeof SIZES)[number];

async function benchMemory({ quick, steps, onProgress }: BenchOptions): Promise<MemoryResult> {
  const { places, missing } = await placesHere();
  const total = steps ?? (quick ? MILLION / 50 : MILLION);
  const rows: MemoryRow[] = [];
  for (const place of places.filter(({ name }) => name.startsWith('native'))) {
    for (const size of SIZES) {
      onProgress(`${place.name}, ${size.payload}`);
      const row = await memoryOf(place, size, Math.max(Math.round(total * size.share), READINGS));
      onProgress(`  ${row.rss_mb.join(' ')} MB`);
      rows.push(row);
    }
  }
  return { in_flight: IN_FLIGHT, missing, rows };
}

async function memoryOf(place: Place, { payload, bytes, inFlight }: Size, calls: number): Promise<MemoryRow> {
  const context = Object.freeze({ order: 'x'.repeat(bytes) });
  const { carrier, close } = await place.open({ handler: place.echo, context });
  try {
    await thereAndBack(carrier, inFlight, Math.ceil(calls * WARM_UP));
    const readings = [residentMegabytes()];
    for (let tenth = 0; tenth < READINGS; tenth += 1) {
      await thereAndBack(carrier, inFlight, Math.round(calls / READINGS));
      readings.push(residentMegabytes());
    }
    const grown = (readings.at(-1) ?? 0) - (readings[0] ?? 0);
    return { place: place.name, payload, calls, rss_mb: readings.map(rounded), grown_mb: rounded(grown) };
  } finally {
    await close();
  }
}

/** Unlike `travel` it keeps no times, which would be memory too. */
function thereAndBack(carrier: Carrier, inFlight: number, count: number): Promise<void> {
  let [sent, back] = [0, 0];
  const send = (): void => carrier.send((sent += 1));
  return new Promise((resolve) => {
    carrier.onBack = () => {
      back += 1;
      if (sent < count) send();
      else if (back === count) resolve();
    };
    while (sent < Math.min(inFlight, count)) send();
  });
}

function memoryText({ in_flight, missing, rows }: MemoryResult): string {
  return [
    `native-memory: RSS of the process in MB, after a warm-up and after each tenth of the calls (1 KiB: ${in_flight} in flight)`,
    ...missing.map((why) => `left out: ${why}`),
    table(
      ['handlers in', 'payload', 'calls', 'RSS MB', 'grown by MB'],
      rows.map((row) => [row.place, row.payload, row.calls, row.rss_mb.join(' '), row.grown_mb]),
    ),
  ].join('\n');
}
