// `treadle prune`: removes tasks that ended long ago, with all that hangs on them, a batch at a time. What is done is done:
// interrupted or killed, the next run goes on with the rest.
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { State } from '../../core/vocabulary.ts';
import type { Database } from '../../sql/database.ts';
import {
  countPrunable,
  PRUNED_STATES,
  pruneTasks,
  type KeptTasks,
  type PrunableTasks,
  type RetentionRule,
} from '../../sql/retention.ts';
import { collect, wholeNumber } from '../arguments.ts';
import type { CommandContext, ContextOf } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { onInterrupt } from '../interrupt.ts';
import { requireMigrated, withDatabase } from '../open-database.ts';
import { plainTable } from '../plain-table.ts';
import { showProgress } from '../progress.ts';
import { ExitStatus, FAILED, INTERRUPTED } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';

const STATES = [...PRUNED_STATES, 'error'] as const;

interface PruneFlags {
  readonly olderThan: number;
  readonly namespace?: string;
  readonly state?: State[];
  readonly includeFailed?: boolean;
  readonly dryRun?: boolean;
  readonly batch: number;
}

export function registerPrune(program: Command, contextOf: ContextOf): void {
  program
    .command('prune')
    .description('remove tasks that ended long ago, with all that hangs on them')
    .requiredOption('--older-than <duration>', 'only those that ended before 12h, 30d, 2w', parseDuration)
    .option('-n, --namespace <name>', 'only those of this namespace')
    .addOption(
      new Option(
        '-s, --state <state,...>',
        `only those that ended so (default: ${PRUNED_STATES.join(', ')})`,
      ).argParser(states),
    )
    .option('--include-failed', 'those that ended in error too')
    .option('--dry-run', 'say what would be removed, and remove nothing')
    .option('--batch <tasks>', 'tasks in one transaction', wholeNumber(1, 10_000), 500)
    .addHelpText(
      'after',
      '\nExamples:\n  $ treadle prune --older-than 30d --dry-run\n  $ treadle prune --older-than 2w --namespace shop --include-failed\n',
    )
    .action(async (flags: PruneFlags, self: Command) => {
      await prune(contextOf(self), flags);
    });
}

/** For commander: states in which a task can end. */
function states(text: string, before: readonly string[] = []): State[] {
  return collect(text, before).map((word) => {
    const state = STATES.find((known) => known === word);
    if (state === undefined) throw new InvalidArgumentError(`Expected some of ${STATES.join(', ')}.`);
    return state;
  });
}

function ruleOf({
  olderThan,
  namespace,
  state = [...PRUNED_STATES],
  includeFailed,
}: PruneFlags): RetentionRule {
  return {
    olderThanSeconds: olderThan,
    namespace,
    states: includeFailed === true && !state.includes('error') ? [...state, 'error'] : state,
  };
}

async function prune({ terminal, config }: CommandContext, flags: PruneFlags): Promise<void> {
  await withDatabase(config(), { maxConnections: 2 }, async ({ database }) => {
    await requireMigrated(database);
    const rule = ruleOf(flags);
    const prunable = await countPrunable(database, rule);
    if (flags.dryRun) sayWhatWouldGo(terminal, prunable);
    else report(terminal, await remove(terminal, database, { rule, prunable, batchSize: flags.batch }));
  });
}

function sayWhatWouldGo(terminal: Terminal, prunable: readonly PrunableTasks[]): void {
  const total = totalOf(prunable);
  terminal.printJson({ dry_run: true, ...total, templates: prunable });
  if (prunable.length > 0 && !terminal.json) {
    const table = plainTable(terminal, ['template', 'tasks', 'steps', 'rows']);
    for (const { template, tasks, steps, row_count } of prunable)
      table.push([template, tasks, steps, row_count]);
    terminal.print(table.toString());
  }
  terminal.print(`would remove ${amountText(total)}`);
}

interface Pruned {
  readonly tasks: number;
  readonly steps: number;
  readonly row_count: number;
  readonly kept: readonly KeptTasks[];
  readonly interrupted: boolean;
}

async function remove(
  terminal: Terminal,
  database: Database,
  {
    rule,
    prunable,
    batchSize,
  }: { rule: RetentionRule; prunable: readonly PrunableTasks[]; batchSize: number },
): Promise<Pruned> {
  const { signal } = onInterrupt();
  const progress = showProgress(terminal, 'removed', totalOf(prunable).tasks);
  const done = { tasks: 0, steps: 0, row_count: 0 };
  const kept: KeptTasks[] = [];
  for await (const batch of pruneTasks(database, rule, batchSize)) {
    done.tasks += batch.tasks;
    done.steps += batch.steps;
    done.row_count += batch.row_count;
    kept.push(...batch.kept);
    progress.update(done.tasks, `${done.row_count} rows`);
    if (signal.aborted) break;
  }
  progress.stop();
  return { ...done, kept: byConstraint(kept), interrupted: signal.aborted };
}

/** What the batches kept, a line for each foreign key. */
function byConstraint(kept: readonly KeptTasks[]): KeptTasks[] {
  const sums = new Map<string, KeptTasks>();
  for (const { constraint, table, tasks } of kept) {
    const key = `${table} ${constraint}`;
    sums.set(key, { constraint, table, tasks: (sums.get(key)?.tasks ?? 0) + tasks });
  }
  return [...sums.values()];
}

function report(terminal: Terminal, pruned: Pruned): void {
  terminal.printJson(pruned);
  terminal.print(`removed ${amountText(pruned)}`);
  for (const { constraint, table, tasks } of pruned.kept) {
    terminal.note(
      `kept ${count(tasks, 'task')}: rows of ${table} refer to them (constraint ${constraint}); delete those first, or let the constraint say "on delete"`,
    );
  }
  if (pruned.interrupted) terminal.note('interrupted; run it again to remove the rest');
  if (pruned.interrupted) throw new ExitStatus(INTERRUPTED);
  if (pruned.kept.length > 0) throw new ExitStatus(FAILED);
}

type Amount = Pick<PrunableTasks, 'tasks' | 'steps' | 'row_count'>;

function totalOf(prunable: readonly PrunableTasks[]): Amount {
  const sum = (pick: (row: PrunableTasks) => number): number =>
    prunable.reduce((total, row) => total + pick(row), 0);
  return {
    tasks: sum((row) => row.tasks),
    steps: sum((row) => row.steps),
    row_count: sum((row) => row.row_count),
  };
}

function amountText({ tasks, steps, row_count }: Amount): string {
  return `${count(tasks, 'task')} with ${count(steps, 'step')}, ${count(row_count, 'row')} in all`;
}

function count(amount: number, word: string): string {
  return `${amount} ${word}${amount === 1 ? '' : 's'}`;
}
