// The figures of the benchmark, and what follows from them: what a step costs more in another language than in the engine's
// own process and on a bare stream, and whether that is little enough.
import { rounded } from '../measure.ts';
import type { TripRow } from './trips.ts';

export const IN_PROCESS = 'TypeScript, in process';
/** At so many in flight the goal is set. */
const GOAL_AT = 16;
const OF_IN_PROCESS = 0.9;
const OF_TRANSPORT = 0.8;

export interface EngineRow {
  readonly subject: string;
  readonly in_flight: number;
  readonly steps: number;
  readonly steps_per_second: number;
  readonly engine_cpu_us_per_step: number;
  /** Null where the system does not tell. */
  readonly postgres_cpu_us_per_step: number | null;
  /** Null in process, and where the system does not tell. */
  readonly worker_cpu_us_per_step: number | null;
}

/** What Treadle adds to a bare stream, for each step. */
export interface OverheadRow {
  readonly language: string;
  /** By the clock, with one step in flight: from its assignment to its outcome, less a bare round trip. */
  readonly ms: number;
  /** CPU of the worker beside that of a bare client, with 16 in flight. */
  readonly worker_cpu_us: number | null;
  /** CPU of the engine's process beside one that runs the handler itself, with 16 in flight; less than 0: it is idler. */
  readonly engine_cpu_us: number | null;
}

export interface GoalRow {
  readonly language: string;
  readonly steps_per_second: number;
  /** The lower one of the two. */
  readonly needed: number;
  readonly because: string;
  readonly reached: boolean;
}

export interface Measured {
  readonly runs: number;
  /** Languages that this machine cannot run. */
  readonly missing: readonly string[];
  /** Through the whole engine. */
  readonly engine: readonly EngineRow[];
  /** Bare streams. */
  readonly transport: readonly TripRow[];
  /** The worker protocol without an engine behind it. */
  readonly protocol: readonly TripRow[];
}

export interface PolyglotResult extends Measured {
  readonly overheads: readonly OverheadRow[];
  readonly goals: readonly GoalRow[];
}

export function overheads({ engine, transport, protocol }: Measured): OverheadRow[] {
  const inProcess = engineRowOf(engine, IN_PROCESS, GOAL_AT);
  return languagesOf(protocol).flatMap((language) => {
    const [alone, bare] = [tripRowOf(protocol, language, 1), transportOf(transport, language, 1)];
    const [busy, busyBare] = [
      tripRowOf(protocol, language, GOAL_AT),
      transportOf(transport, language, GOAL_AT),
    ];
    if (!alone || !bare) return [];
    return {
      language,
      ms: rounded(alone.p50_ms - bare.p50_ms),
      worker_cpu_us: difference(busy?.client_cpu_us, busyBare?.client_cpu_us),
      engine_cpu_us: difference(
        engineRowOf(engine, language, GOAL_AT)?.engine_cpu_us_per_step,
        inProcess?.engine_cpu_us_per_step,
      ),
    };
  });
}

export function goals({ engine, transport }: Measured): GoalRow[] {
  const inProcess = engineRowOf(engine, IN_PROCESS, GOAL_AT);
  return languagesOf(transport).length === 0 || !inProcess
    ? []
    : engine
        .filter(({ subject, in_flight }) => subject !== IN_PROCESS && in_flight === GOAL_AT)
        .map((row) => goal(row, inProcess, transportOf(transport, row.subject, GOAL_AT)));
}

function goal(row: EngineRow, inProcess: EngineRow, bare: TripRow | undefined): GoalRow {
  const ofProcess = OF_IN_PROCESS * inProcess.steps_per_second;
  const ofTransport = OF_TRANSPORT * (bare?.per_second ?? Infinity);
  const needed = Math.round(Math.min(ofProcess, ofTransport));
  return {
    language: row.subject,
    steps_per_second: row.steps_per_second,
    needed,
    because: ofProcess <= ofTransport ? '90 % of in process' : '80 % of the bare stream',
    reached: row.steps_per_second >= needed,
  };
}

export function engineRowOf(
  rows: readonly EngineRow[],
  subject: string,
  inFlight: number,
): EngineRow | undefined {
  return rows.find((row) => row.subject === subject && row.in_flight === inFlight);
}

function tripRowOf(rows: readonly TripRow[], language: string, inFlight: number): TripRow | undefined {
  return rows.find((row) => row.language === language && row.in_flight === inFlight);
}

/** All ways of a language have one transport. */
function transportOf(rows: readonly TripRow[], language: string, inFlight: number): TripRow | undefined {
  const [spoken = ''] = language.split(',');
  return rows.find((row) => row.language.startsWith(spoken) && row.in_flight === inFlight);
}

function languagesOf(rows: readonly TripRow[]): string[] {
  return [...new Set(rows.map(({ language }) => language))];
}

function difference(more: number | null | undefined, less: number | null | undefined): number | null {
  return typeof more === 'number' && typeof less === 'number' ? rounded(more - less) : null;
}
