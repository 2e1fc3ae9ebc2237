// `treadle tune`, and of it `treadle tune indexes`: drops indexes of the Rails schema that no query needs, while everything runs, and puts them back.
// Without --yes it only shows what it would do. Interrupted or killed, the next run goes on.
import { Option, type Command } from 'commander';
import type { Database } from '../../sql/database.ts';
import { dropIndexes, restoreIndexes, type ChangedIndex } from '../../sql/index-changes.ts';
import { droppedIndexes, planTuning, type TuningLevel } from '../../sql/tuning.ts';
import type { ContextOf } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { onInterrupt } from '../interrupt.ts';
import { operate } from '../operator.ts';
import { showProgress } from '../progress.ts';
import { ExitStatus, FAILED, INTERRUPTED } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { showChanges, showDropped, showPlan, type Change } from '../tuning-report.ts';
import { registerTuneFunctions } from './tune-functions.ts';

interface TuneFlags {
  readonly only?: 'duplicates';
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly restore?: boolean;
  readonly lockTimeout: number;
}

export function registerTune(program: Command, contextOf: ContextOf): void {
  const tune = program.command('tune').description('make this database faster in ways that can be undone');
  registerTuneIndexes(tune, contextOf);
  registerTuneFunctions(tune, contextOf);
}

function registerTuneIndexes(tune: Command, contextOf: ContextOf): void {
  tune
    .command('indexes')
    .description('show, and with --yes drop, the indexes of the Rails schema that no query needs')
    .addOption(
      new Option(
        '--only <which>',
        'duplicates: only those of which another one does the work, unused ones stay',
      ).choices(['duplicates']),
    )
    .addOption(new Option('-y, --yes', 'drop them, one at a time, while everything runs').conflicts('dryRun'))
    .option('--dry-run', 'change nothing; without --yes nothing is dropped anyway')
    .addOption(
      new Option('--restore', 'make those that were dropped again').conflicts('only').conflicts('yes'),
    )
    .option('--lock-timeout <duration>', 'how long one may wait for transactions of others', parseDuration, 5)
    .addHelpText(
      'after',
      '\nExamples:\n  $ treadle tune indexes\n  $ treadle tune indexes --only duplicates --yes\n  $ treadle tune indexes --restore\n',
    )
    .action(async (flags: TuneFlags, self: Command) => {
      await operate(contextOf, self, (terminal, database) =>
        flags.restore ? restore(terminal, database, flags) : drop(terminal, database, flags),
      );
    });
}

async function drop(terminal: Terminal, database: Database, flags: TuneFlags): Promise<void> {
  const level: TuningLevel = flags.only ?? 'all';
  const plan = await planTuning(database, level);
  if (flags.yes !== true) {
    showPlan(terminal, level, plan);
    return;
  }
  const changes = dropIndexes(database, plan.drop, { lockTimeoutSeconds: flags.lockTimeout });
  finish(terminal, 'dropped', await carryOut(terminal, 'dropped', plan.drop.length, changes));
}

async function restore(terminal: Terminal, database: Database, flags: TuneFlags): Promise<void> {
  const dropped = await droppedIndexes(database);
  if (flags.dryRun === true) {
    showDropped(terminal, dropped);
    return;
  }
  const changes = restoreIndexes(database, { lockTimeoutSeconds: flags.lockTimeout });
  finish(terminal, 'restored', await carryOut(terminal, 'restored', dropped.length, changes));
}

/** One after the other, until all are done or somebody interrupts. */
async function carryOut(
  terminal: Terminal,
  verb: Change['verb'],
  total: number,
  changes: AsyncGenerator<ChangedIndex>,
): Promise<Omit<Change, 'verb'>> {
  const { signal } = onInterrupt();
  const progress = showProgress(terminal, verb, total);
  const done: ChangedIndex[] = [];
  const left: ChangedIndex[] = [];
  try {
    for await (const index of changes) {
      (index.done ? done : left).push(index);
      progress.update(done.length, index.index_name);
      if (signal.aborted) break;
    }
  } finally {
    progress.stop();
  }
  return { done, left, interrupted: signal.aborted && done.length + left.length < total };
}

function finish(terminal: Terminal, verb: Change['verb'], change: Omit<Change, 'verb'>): void {
  showChanges(terminal, { verb, ...change });
  if (change.interrupted) throw new ExitStatus(INTERRUPTED);
  if (change.left.length > 0) throw new ExitStatus(FAILED);
}
