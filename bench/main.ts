// `npm run bench`: measures Treadle and says on which machine. Results go to stdout (a table, or with --json one document),
// progress to stderr.
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { benchDiscovery } from './discovery.ts';
import { benchHandler } from './handler.ts';
import { benchLatency } from './latency.ts';
import { describeMachine } from './machine.ts';
import { benchRecovery } from './recovery.ts';
import { reportText, type Results } from './report.ts';
import { startBenchServer, type BenchServer } from './server.ts';
import { benchSweep } from './sweep.ts';
import { benchThroughput } from './throughput.ts';

const BENCHMARKS = ['discovery', 'throughput', 'latency', 'recovery', 'sweep', 'handler', 'all'] as const;
type Benchmark = (typeof BENCHMARKS)[number];

interface Options {
  readonly json: boolean;
  readonly quick: boolean;
  readonly runs?: number;
  readonly tasks?: number;
  readonly concurrency: number;
  readonly shape?: string;
}

async function bench(benchmark: Benchmark, options: Options): Promise<void> {
  const onProgress = (line: string): void => console.error(line);
  const server = benchmark === 'handler' ? undefined : await startBenchServer(onProgress);
  try {
    const machine = await describeMachine(server?.admin);
    const results = await measure(benchmark, server, options, onProgress);
    if (!options.json) console.log(reportText(machine, results));
    else console.log(JSON.stringify({ benchmark, machine, ...flattened(benchmark, results) }, null, 2));
  } finally {
    await server?.stop();
  }
}

async function measure(
  benchmark: Benchmark,
  server: BenchServer | undefined,
  options: Options,
  onProgress: (line: string) => void,
): Promise<Results> {
  const wanted = (one: Benchmark): boolean => benchmark === 'all' || benchmark === one;
  const { quick, tasks, concurrency, shape } = options;
  const common = { quick, runs: options.runs ?? (quick ? 1 : 3), onProgress };
  const results: { -readonly [Name in keyof Results]: Results[Name] } = {};
  if (wanted('handler'))
    results.handler = await benchHandler({ quick, runs: options.runs ?? (quick ? 1 : 5) });
  if (server && wanted('latency')) results.latency = await benchLatency(server, common);
  if (server && wanted('throughput')) {
    results.throughput = await benchThroughput(server, { ...common, tasks, concurrency, shape });
  }
  if (server && wanted('recovery')) results.recovery = await benchRecovery(server, common);
  if (server && wanted('sweep')) results.sweep = await benchSweep(server, common);
  if (server && wanted('discovery')) results.discovery = await benchDiscovery(server, common);
  return results;
}

/** The fields of a single benchmark stand at the top of its document. */
function flattened(benchmark: Benchmark, results: Results): object {
  return benchmark === 'all' ? results : (results[benchmark] ?? {});
}

function positiveInteger(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a whole number of 1 or more.');
}

const program = new Command('bench')
  .description('Measures Treadle on this machine: ratios and medians.')
  .addArgument(new Argument('<benchmark>', 'what to measure').choices(BENCHMARKS))
  .option('--json', 'one JSON document on stdout', false)
  .option('--quick', 'smallest sizes, one run: whether it works, not how fast', false)
  .option(
    '--runs <count>',
    'runs of which the median is taken (default: 3, handler 5, quick 1)',
    positiveInteger,
  )
  .option(
    '--tasks <count>',
    'throughput: tasks per run of the small shapes (default: 2,000, quick 20)',
    positiveInteger,
  )
  .addOption(
    new Option('--concurrency <count>', 'throughput: steps at once').argParser(positiveInteger).default(500),
  )
  .option(
    '--shape <name>',
    'throughput: only the shape whose name begins so (linear, diamond, wide, layered)',
  )
  .exitOverride()
  .action(bench);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has said what is wrong
}
