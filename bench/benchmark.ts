// What a benchmark is: it measures, and it says its figures for people. `benchmarks.ts` lists them all.
import type { BenchServer } from './server.ts';

export interface BenchOptions {
  /** Smallest sizes: whether it works, not how fast it is. */
  readonly quick: boolean;
  /** Runs of which the median is taken. */
  readonly runs: number;
  /** Throughput: tasks per run of the small shapes. */
  readonly tasks?: number | undefined;
  /** Throughput, processes, waiting, payloads, soak: steps at once in an engine. */
  readonly concurrency: number;
  /** Throughput: only the shape whose name begins so. */
  readonly shape?: string | undefined;
  /** Soak: how many steps. */
  readonly steps?: number | undefined;
  /** Peers: only the one whose name begins so, beside Treadle. */
  readonly peer?: string | undefined;
  readonly onProgress: (line: string) => void;
}

interface Parts<Result extends object> {
  readonly name: string;
  /** One line for --help. */
  readonly says: string;
  /** How many runs are enough. Default 3. */
  readonly runs?: number;
  /** Measured when asked for by name only: it takes long or is about something else than Treadle alone. */
  readonly alone?: true;
  readonly measure: (server: BenchServer, options: BenchOptions) => Promise<Result>;
  /** A table and what stands above it. */
  readonly report: (result: Result) => string;
  /** What the README says of it: few lines, each what was measured and the figure. */
  readonly headlines?: (result: Result) => readonly Headline[];
}

export type Headline = readonly [what: string, figure: string];

/** Figures as data, and for people. */
export interface Figures {
  readonly result: object;
  readonly text: string;
}

export interface Benchmark extends Omit<Parts<never>, 'measure' | 'report' | 'headlines'> {
  /** Without a server only what needs none can run. */
  readonly needsServer: boolean;
  readonly run: (server: BenchServer | undefined, options: BenchOptions) => Promise<Figures>;
  /** Of a result that was kept. */
  readonly headlines: (kept: object) => readonly Headline[];
}

/** A benchmark on a Postgres. */
export function benchmark<Result extends object>(parts: Parts<Result>): Benchmark {
  const { measure, report, headlines, ...rest } = parts;
  return {
    ...rest,
    needsServer: true,
    headlines: (kept) => headlines?.(kept as Result) ?? [],
    run: async (server, options) => {
      if (!server) throw new Error(`${rest.name} needs a Postgres, and there is none`);
      const result = await measure(server, options);
      return { result, text: report(result) };
    },
  };
}

/** A benchmark that needs no Postgres. */
export function benchmarkWithoutServer<Result extends object>(
  parts: Omit<Parts<Result>, 'measure'> & { measure: (options: BenchOptions) => Promise<Result> },
): Benchmark {
  const { measure, report, headlines, ...rest } = parts;
  return {
    ...rest,
    needsServer: false,
    headlines: (kept) => headlines?.(kept as Result) ?? [],
    run: async (_server, options) => {
      const result = await measure(options);
      return { result, text: report(result) };
    },
  };
}
