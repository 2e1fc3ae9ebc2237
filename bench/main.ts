// `npm run bench`: measures Treadle and says on which machine. Figures go to stdout (tables, or with --json one document),
// progress to stderr. Full runs are kept in bench/results, and the plot and the README's figures are drawn anew from there.
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Benchmark, Figures } from './benchmark.ts';
import { BENCHMARKS } from './benchmarks.ts';
import { describeMachine, type Machine } from './machine.ts';
import { reportText } from './report.ts';
import { saveResult } from './results.ts';
import { startBenchServer, type BenchServer } from './server.ts';
import { show } from './show.ts';

const NAMES = BENCHMARKS.map(({ name }) => name);

interface Options {
  readonly json: boolean;
  readonly quick: boolean;
  readonly save: boolean;
  readonly runs?: number;
  readonly tasks?: number;
  readonly concurrency?: number;
  readonly shape?: string;
  readonly steps?: number;
  readonly peer?: string;
}

async function bench(what: string, options: Options): Promise<void> {
  if (what === 'plot') return show();
  const wanted = BENCHMARKS.filter(({ name, alone }) => name === what || (what === 'all' && !alone));
  const server = wanted.some(({ needsServer }) => needsServer) ? await startBenchServer(progress) : undefined;
  try {
    const machine = await describeMachine(server?.admin);
    const figures = await measure(wanted, server, machine, options);
    if (options.json) console.log(JSON.stringify({ benchmark: what, machine, ...asData(figures) }, null, 2));
    else console.log(reportText(machine, [...figures.values()].map(({ text }) => text))); // prettier-ignore
  } finally {
    await server?.stop();
  }
}

/** One after the other; what is to be kept is kept at once, so that an error in the next one does not lose it. */
async function measure(
  wanted: readonly Benchmark[],
  server: BenchServer | undefined,
  machine: Machine,
  options: Options,
): Promise<Map<string, Figures>> {
  const figures = new Map<string, Figures>();
  for (const { name, runs = 3, run } of wanted) {
    const { quick, concurrency = 1000 } = options;
    const measured = await run(server, {
      ...options,
      concurrency,
      runs: options.runs ?? (quick ? 1 : runs),
      onProgress: progress,
    });
    figures.set(name, measured);
    if (isWhole(options)) await saveResult(name, machine, measured.result);
  }
  if (isWhole(options)) await show();
  return figures;
}

/** A quick run, or one of a part only, says nothing that should stand in the README. */
function isWhole({ save, quick, tasks, concurrency, shape, steps, peer }: Options): boolean {
  const narrowed = [tasks, concurrency, shape, steps, peer].some((option) => option !== undefined);
  return save && !quick && !narrowed;
}

/** The fields of a single benchmark stand at the top of its document. */
function asData(figures: ReadonlyMap<string, Figures>): object {
  const all = [...figures].map(([name, { result }]) => [name, result] as const);
  const [only, ...others] = all;
  return only && others.length === 0 ? only[1] : Object.fromEntries(all);
}

function progress(line: string): void {
  console.error(line);
}

function positiveInteger(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a whole number of 1 or more.');
}

const program = new Command('bench')
  .description('Measures Treadle on this machine: ratios and medians.')
  .addArgument(
    new Argument('[benchmark]', 'what to measure').choices([...NAMES, 'all', 'plot']).default('all'),
  )
  .option('--json', 'one JSON document on stdout', false)
  .option('--quick', 'smallest sizes, one run: whether it works, not how fast; keeps nothing', false)
  .option('--no-save', 'do not keep the figures in bench/results')
  .option(
    '--runs <count>',
    'runs of which the median is taken (default: 3, handler 5, quick 1)',
    positiveInteger,
  )
  .option(
    '--tasks <count>',
    'throughput: tasks per run of the small shapes (default: 6,000 or 4,000, quick 20)',
    positiveInteger,
  )
  .addOption(
    new Option('--concurrency <count>', 'throughput: steps at once (default: 1,000)').argParser(
      positiveInteger,
    ),
  )
  .option(
    '--shape <name>',
    'throughput: only the shape whose name begins so (linear, diamond, wide, layered, chain)',
  )
  .option(
    '--steps <count>',
    'soak, adoption, rails, native-memory: how many steps (default: 2,000,000, then 1,000,000)',
    positiveInteger,
  )
  .option('--peer <name>', 'peers: only the one whose name begins so, beside Treadle')
  .addHelpText('after', () => {
    const lines = BENCHMARKS.map(
      ({ name, says, alone }) => `  ${name.padEnd(12)} ${says}${alone ? ' *' : ''}`,
    );
    return `\n${lines.join('\n')}\n  all          All of them but those marked *\n  plot         Draws the plot and the README's figures anew`;
  })
  .exitOverride()
  .action(bench);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has said what is wrong
}
