// `treadle tune functions`: gives an adopted database our view and functions in the place of those of the Rails engine, and the counts that
// they are fast by, while everything runs, and takes them back. Without --yes it only shows what it would do.
import { Option, type Command } from 'commander';
import type { Database } from '../../sql/database.ts';
import { sample, type Sample } from '../../sql/function-tuning/samples.ts';
import {
  planFunctions,
  planRestore,
  requireAdopted,
  restoreFunctions,
  tuneFunctions,
  type Progress,
  type TuneOptions,
} from '../../sql/function-tuning/tuning.ts';
import type { ContextOf } from '../context.ts';
import { parseDuration } from '../duration.ts';
import {
  namesOf,
  showFunctionChanges,
  showFunctionPlan,
  showKept,
  type FunctionChange,
  type Samples,
} from '../function-tuning-report.ts';
import { onInterrupt } from '../interrupt.ts';
import { operate } from '../operator.ts';
import { showProgress } from '../progress.ts';
import { ExitStatus, FAILED, INTERRUPTED } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';

interface TuneFunctionsFlags {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly restore?: boolean;
  readonly only?: 'reports';
  readonly patience: number;
}

/** For so long another run is waited for. */
const OTHER_RUN_SECONDS = 5;

export function registerTuneFunctions(tune: Command, contextOf: ContextOf): void {
  tune
    .command('functions')
    .description('show, and with --yes replace, the view and functions that an adopted database has of Rails')
    .addOption(
      new Option(
        '--only <which>',
        'reports: only what people ask, not what the Rails engine decides by',
      ).choices(['reports']),
    )
    .addOption(
      new Option('-y, --yes', 'replace them, one at a time, while everything runs').conflicts('dryRun'),
    )
    .option('--dry-run', 'change nothing; without --yes nothing is replaced anyway')
    .addOption(
      new Option('--restore', 'bring back what was there, word for word').conflicts('only').conflicts('yes'),
    )
    .option('--patience <duration>', 'for how long to try to get one lock', parseDuration, 300)
    .addHelpText(
      'after',
      '\nExamples:\n  $ treadle tune functions\n  $ treadle tune functions --only reports --yes\n  $ treadle tune functions --restore\n',
    )
    .action(async (flags: TuneFunctionsFlags, self: Command) => {
      await operate(contextOf, self, async (terminal, database) => {
        await requireAdopted(database);
        await (flags.restore ? restore(terminal, database, flags) : tuneAll(terminal, database, flags));
      });
    });
}

async function tuneAll(terminal: Terminal, database: Database, flags: TuneFunctionsFlags): Promise<void> {
  const plan = await planFunctions(database, flags.only ?? 'all');
  const names = plan.objects
    .filter(({ verdict }) => verdict === 'replace')
    .map(({ object_name }) => object_name);
  const before = await samplesOf(terminal, database, names);
  if (flags.yes !== true) {
    showFunctionPlan(terminal, plan, before);
    return;
  }
  const changes = tuneFunctions(database, plan, optionsOf(flags));
  const steps = await carryOut(terminal, 'replaced', names.length, changes);
  const after = await samplesOf(terminal, database, namesOf(steps, 'done'));
  finish(terminal, { verb: 'replaced', steps, before, after });
}

async function restore(terminal: Terminal, database: Database, flags: TuneFunctionsFlags): Promise<void> {
  const plan = await planRestore(database);
  if (flags.dryRun === true) {
    showKept(terminal, plan);
    return;
  }
  const changes = restoreFunctions(database, plan, optionsOf(flags));
  const steps = await carryOut(terminal, 'restored', plan.objects.length, changes);
  finish(terminal, { verb: 'restored', steps, before: {}, after: {} });
}

function optionsOf({ patience }: TuneFunctionsFlags): TuneOptions {
  const { signal } = onInterrupt();
  return { patienceMs: patience * 1000, signal, lockTimeoutSeconds: OTHER_RUN_SECONDS };
}

async function samplesOf(terminal: Terminal, database: Database, names: readonly string[]): Promise<Samples> {
  const samples: Record<string, Sample> = {};
  if (names.length > 0) terminal.note(`asking each of ${names.length}, to see how long it takes`);
  // oxlint-disable-next-line no-await-in-loop -- what is timed is asked alone
  for (const name of names) samples[name] = await sample(database, name);
  return samples;
}

/** One after the other, until all are done or somebody interrupts. */
async function carryOut(
  terminal: Terminal,
  verb: FunctionChange['verb'],
  total: number,
  changes: AsyncGenerator<Progress>,
): Promise<Progress[]> {
  const progress = showProgress(terminal, verb, total);
  const steps: Progress[] = [];
  try {
    for await (const step of changes) {
      steps.push(step);
      if (step.what === 'object') progress.update(namesOf(steps, 'done').length, step.object_name);
      else sayStep(terminal, step);
    }
  } finally {
    progress.stop();
  }
  return steps;
}

function sayStep(terminal: Terminal, step: Progress): void {
  if (step.what === 'counting') terminal.note('counting all tasks and steps; writers go on meanwhile');
  if (step.what !== 'triggers') return;
  const { table_name, lock_attempts, locks_ms } = step;
  terminal.note(
    `triggers of ${table_name}: at attempt ${lock_attempts}, under its lock for at most ${locks_ms} ms`,
  );
}

function finish(terminal: Terminal, change: FunctionChange): void {
  showFunctionChanges(terminal, change);
  if (change.steps.some(({ what }) => what === 'interrupted')) throw new ExitStatus(INTERRUPTED);
  if (namesOf(change.steps, 'changed').length > 0) throw new ExitStatus(FAILED);
}
