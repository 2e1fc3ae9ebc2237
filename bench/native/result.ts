// What the benchmark `native` found, and what follows from it.
import { median, rounded } from '../measure.ts';
import type { TripRun } from '../polyglot/trips.ts';

export interface Size {
  readonly payload: string;
  readonly bytes: number;
}

export interface NativeRow {
  readonly place: string;
  readonly language: string;
  /** A context that goes in and comes back; or a handler that works for a millisecond. */
  readonly payload: string;
  readonly in_flight: number;
  readonly per_second: number;
  readonly p50_us: number;
  readonly p99_us: number;
  /** Microseconds of CPU for each, of this process and of the worker's where there is one. */
  readonly cpu_us: number;
}

/** By the language's own interpreter: JSON in, the method, JSON out. */
export interface PlainRow {
  readonly language: string;
  readonly payload: string;
  readonly echo_calls_per_second: number;
  readonly one_ms_us_per_call: number;
}

/** What is above the same call without Treadle when a handler works for a millisecond. */
export interface Overhead {
  readonly place: string;
  readonly us: number;
  readonly percent: number;
}

export interface NativeResult {
  readonly runs: number;
  readonly missing: readonly string[];
  readonly rows: readonly NativeRow[];
  readonly alone: readonly PlainRow[];
  readonly overheads: readonly Overhead[];
}

interface Cell {
  readonly place: string;
  readonly language: string;
  readonly payload: string;
  readonly inFlight: number;
}

/** Medians over the runs. */
export function nativeRow(
  { place, language, payload, inFlight }: Cell,
  trips: readonly TripRun[],
): NativeRow {
  const of = (pick: (run: TripRun) => number): number => rounded(median(trips.map(pick)));
  return {
    place,
    language,
    payload,
    in_flight: inFlight,
    per_second: Math.round(median(trips.map((trip) => trip.per_second))),
    p50_us: of((trip) => trip.p50_ms * 1000),
    p99_us: of((trip) => trip.p99_ms * 1000),
    cpu_us: of((trip) => trip.server_cpu_us + (trip.client_cpu_us ?? 0)),
  };
}

/** Medians over the runs, of which there is at least one. */
export function plainRow(rows: readonly PlainRow[]): PlainRow {
  const [{ language, payload } = { language: '', payload: '' }] = rows;
  return {
    language,
    payload,
    echo_calls_per_second: Math.round(median(rows.map((row) => row.echo_calls_per_second))),
    one_ms_us_per_call: rounded(median(rows.map((row) => row.one_ms_us_per_call))),
  };
}

export function overheads(rows: readonly NativeRow[], alone: readonly PlainRow[]): Overhead[] {
  return rows.flatMap(({ place, language, payload, p50_us }) => {
    const plain = alone.find((row) => row.language === language);
    if (payload !== '1 ms of work' || plain === undefined) return [];
    const us = rounded(p50_us - plain.one_ms_us_per_call);
    return [{ place, us, percent: rounded((100 * us) / plain.one_ms_us_per_call) }];
  });
}
