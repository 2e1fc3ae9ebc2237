// `npm run chaos`: a long chaos run, or with --interleavings so many schedules. The result goes to stdout (with --json as
// one document), progress to stderr. Exit status 1 when something is broken, 2 for arguments that make no sense.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { reportText } from '../test/support/chaos/report.ts';
import { runChaos } from '../test/support/chaos/run.ts';
import { onOwnCluster, replay, runInterleavings, type Schedule } from '../test/support/chaos/schedules.ts';

interface Options {
  readonly minutes: number;
  readonly seed?: number;
  readonly engines: number;
  readonly tasks?: number;
  readonly interleavings?: number;
  /** As fast-check prints a counterexample. */
  readonly schedule?: string;
  readonly vandals: boolean;
  readonly sessionLocks: boolean;
  readonly json: boolean;
  readonly keep: boolean;
}

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort());

const onProgress = (line: string): void => console.error(line);

async function chaos(options: Options): Promise<void> {
  const seed = options.seed ?? 1 + (Math.floor(Date.now() / 1000) % 1_000_000);
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'treadle-chaos-')));
  onProgress(`seed ${seed}, files in ${directory}`);
  const whole = await play(options, seed, directory);
  if (!whole) process.exitCode = 1;
  if (whole && !options.keep) rmSync(directory, { recursive: true, force: true });
  else onProgress(`files are kept in ${directory}`);
}

/** True when nothing was broken. */
function play(options: Options, seed: number, directory: string): Promise<boolean> {
  if (options.schedule !== undefined) return playAgain(options.schedule, directory);
  if (options.interleavings !== undefined) return interleave(options.interleavings, seed, directory);
  return storm(options, seed, directory);
}

async function storm(options: Options, seed: number, directory: string): Promise<boolean> {
  const { minutes, engines, tasks = Math.ceil(minutes * 300) } = options;
  const result = await runChaos({
    seed,
    seconds: minutes * 60,
    engines,
    tasks,
    leaseSeconds: 1.5,
    concurrency: 20,
    patienceSeconds: 120,
    directory,
    onProgress,
    vandals: options.vandals,
    sessionLocks: options.sessionLocks ? 'auto' : 'off',
    signal: interrupted.signal,
  });
  console.log(options.json ? JSON.stringify(result, null, 2) : reportText(result));
  return result.findings.length === 0;
}

async function interleave(schedules: number, seed: number, directory: string): Promise<boolean> {
  const { signal } = interrupted;
  try {
    const tally = await onOwnCluster(directory, (database) =>
      runInterleavings(database, { seed, schedules, onProgress, signal }),
    );
    console.log(
      `seed ${seed}: ${tally.schedules} schedules, ${tally.operations} operations, ${tally.waits} waits for a lock: nothing is broken`,
    );
    return true;
  } catch (error) {
    console.log(error instanceof Error ? `${error.message}\n${String(error.cause)}` : String(error));
    return false;
  }
}

async function playAgain(schedule: string, directory: string): Promise<boolean> {
  const findings = await onOwnCluster(directory, (database) =>
    replay(database, JSON.parse(schedule) as Schedule),
  );
  console.log(findings.length === 0 ? 'nothing is broken' : findings.join('\n'));
  return findings.length === 0;
}

function above0(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('expected a number above 0.');
}

await new Command('chaos')
  .description('Kills engines and Postgres while they work, and proves that nothing was lost.')
  .option('--minutes <minutes>', 'how long the script of a run is', above0, 1)
  .option('--seed <number>', 'the same seed gives the same script (default: from the clock)', above0)
  .option('--engines <count>', 'engine processes', above0, 3)
  .option('--tasks <count>', 'tasks (default: 300 a minute)', above0)
  .option(
    '--interleavings <count>',
    'instead: play so many schedules of operations on three connections',
    above0,
  )
  .option('--schedule <json>', 'instead: play one schedule, such as a counterexample that was printed')
  .option('--vandals', 'jobs, wake-ups and derived rows get lost as well, so that the sweep has work', false)
  .option('--no-session-locks', 'leases alone tell who is dead')
  .option('--json', 'one JSON document on stdout', false)
  .option('--keep', 'keep the files of a run that went well', false)
  .action(chaos)
  .parseAsync();
