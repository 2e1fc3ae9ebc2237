// Handlers in other languages beside those in TypeScript: no-op steps through the whole engine with one worker process of each
// language, a bare stream that does nothing but carry, and what lies between the two, which is Treadle's own.
import { benchmark } from './benchmark.ts';
import { median, repeated, rounded } from './measure.ts';
import { listenForWorker } from './polyglot/bare-engine.ts';
import { listenForEcho, type Listening } from './polyglot/bare-stream.ts';
import { runOnce, type EngineRun } from './polyglot/engine-run.ts';
import { polyglotHeadlines, polyglotText } from './polyglot/report.ts';
import { goals, IN_PROCESS, overheads, type EngineRow, type PolyglotResult } from './polyglot/result.ts';
import { languages, Subject, type Language } from './polyglot/subjects.ts';
import { IN_FLIGHT, travel, tripRow, type TripRow, type TripRun } from './polyglot/trips.ts';
import type { BenchServer } from './server.ts';
import { LINEAR } from './shapes.ts';

export interface PolyglotOptions {
  readonly quick: boolean;
  readonly runs: number;
  readonly onProgress: (line: string) => void;
}

export const polyglot = benchmark<PolyglotResult>({
  name: 'polyglot',
  says: 'No-op steps with handlers in TypeScript, Python and Ruby, and what a worker process costs beside a bare stream',
  measure: benchPolyglot,
  report: polyglotText,
  headlines: polyglotHeadlines,
});

async function benchPolyglot(server: BenchServer, options: PolyglotOptions): Promise<PolyglotResult> {
  const { present, missing } = await languages();
  for (const why of missing) options.onProgress(`left out: ${why}`);
  const transport = await measureTrips(withoutTwins(present), options, BARE);
  const protocol = await measureTrips(present, options, PROTOCOL);
  const engine = await measureEngine(server, present, options);
  const measured = { runs: options.runs, missing, engine, transport, protocol };
  return { ...measured, overheads: overheads(measured), goals: goals(measured) };
}

/** How a stream is opened, and by whom. */
interface Way {
  readonly name: string;
  readonly listen: () => Promise<Listening>;
  readonly begin: (language: Language, address: string) => Subject;
}
const BARE: Way = {
  name: 'bare stream',
  listen: listenForEcho,
  begin: (language, address) => Subject.echo(language, address),
};
const PROTOCOL: Way = {
  name: 'worker protocol',
  listen: listenForWorker,
  begin: (language, address) => Subject.worker(language, address, Math.max(...IN_FLIGHT)),
};

/** The two ways of Python have one transport. */
function withoutTwins(present: readonly Language[]): Language[] {
  return present.filter(
    ({ echo }, place) => present.findIndex((other) => other.echo.join() === echo.join()) === place,
  );
}

/** All languages in turn, then all of them again: what else the machine does meets them alike. */
async function measureTrips(
  present: readonly Language[],
  options: PolyglotOptions,
  way: Way,
): Promise<TripRow[]> {
  const rounds = await repeated(options.runs, (round) =>
    repeated(present.length, async (place) => {
      const language = present[place] as Language;
      options.onProgress(`${way.name}, ${language.name}: run ${round + 1} of ${options.runs}`);
      return tripsOf(language, options, way);
    }),
  );
  return present.flatMap(({ name }, place) =>
    IN_FLIGHT.map((inFlight, at) =>
      tripRow(
        name,
        inFlight,
        rounds.flatMap((round) => round[place]?.[at] ?? []),
      ),
    ),
  );
}

async function tripsOf(language: Language, { quick }: PolyglotOptions, way: Way): Promise<TripRun[]> {
  const listening = await way.listen();
  const subject = way.begin(language, listening.address);
  try {
    const carrier = await Promise.race([listening.connected, subject.died]);
    const count = quick ? 200 : 10_000;
    await travel(carrier, Math.max(...IN_FLIGHT), count, subject); // warms up
    return await repeated(IN_FLIGHT.length, (place) =>
      travel(carrier, IN_FLIGHT[place] ?? 1, count, subject),
    );
  } finally {
    await subject.end('SIGKILL');
    listening.stop();
  }
}

async function measureEngine(
  server: BenchServer,
  present: readonly Language[],
  options: PolyglotOptions,
): Promise<EngineRow[]> {
  const subjects = [undefined, ...present];
  const cells = (options.quick ? [16] : IN_FLIGHT).flatMap((inFlight) =>
    subjects.map((language) => ({ language, inFlight, ...sizeOf(inFlight, options.quick) })),
  );
  const rounds = await repeated(options.runs, (round) =>
    repeated(cells.length, async (place) => {
      const cell = cells[place] as (typeof cells)[number];
      const run = await server.withDatabase((database) => runOnce(database, cell));
      const rate = Math.round((cell.tasks * LINEAR.steps * 1000) / run.ms);
      const who = `${cell.language?.name ?? IN_PROCESS}, ${cell.inFlight} in flight`;
      options.onProgress(`engine, ${who}: run ${round + 1} of ${options.runs}, ${rate} steps/s`);
      return run;
    }),
  );
  return cells.map(({ language, inFlight, tasks }, place) => {
    const runs = rounds.flatMap((round) => round[place] ?? []);
    return engineRow(
      { subject: language?.name ?? IN_PROCESS, in_flight: inFlight, steps: tasks * LINEAR.steps },
      runs,
    );
  });
}

/** Some seconds each. */
function sizeOf(inFlight: number, quick: boolean): { tasks: number; warmUpTasks: number } {
  if (quick) return { tasks: 20, warmUpTasks: 5 };
  return inFlight === 1
    ? { tasks: 100, warmUpTasks: 50 }
    : { tasks: inFlight === 16 ? 1000 : 2000, warmUpTasks: 500 };
}

function engineRow(
  cell: Pick<EngineRow, 'subject' | 'in_flight' | 'steps'>,
  runs: readonly EngineRun[],
): EngineRow {
  const perStep = (ms: readonly number[]): number | null =>
    ms.length > 0 ? rounded((median(ms) * 1000) / cell.steps) : null;
  return {
    ...cell,
    steps_per_second: Math.round((cell.steps * 1000) / median(runs.map((run) => run.ms))),
    engine_cpu_us_per_step: perStep(runs.map((run) => run.node_cpu_ms)) ?? 0,
    postgres_cpu_us_per_step: perStep(runs.flatMap((run) => run.postgres_cpu_ms ?? [])),
    worker_cpu_us_per_step: perStep(runs.flatMap((run) => run.worker_cpu_ms ?? [])),
  };
}
