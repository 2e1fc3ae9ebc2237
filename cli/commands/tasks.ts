// `treadle tasks`: the newest tasks, and how many there are in each state.
import { Option, type Command } from 'commander';
import { STATES, type State } from '../../core/vocabulary.ts';
import { countTasks, listTasks, type ListedTask, type TaskFilter } from '../../sql/reports.ts';
import { wholeNumber } from '../arguments.ts';
import type { ContextOf } from '../context.ts';
import { instantText, parseDuration } from '../duration.ts';
import { requireMigrated, withDatabase } from '../open-database.ts';
import { plainTable } from '../plain-table.ts';
import { stateText } from '../state-signs.ts';
import type { Terminal } from '../terminal.ts';

interface TasksFlags {
  readonly state?: State;
  readonly namespace?: string;
  readonly name?: string;
  readonly limit: number;
  readonly since?: number;
  readonly before?: number;
}

export function registerTasks(program: Command, contextOf: ContextOf): void {
  program
    .command('tasks')
    .description('list tasks, the newest first')
    .addOption(new Option('-s, --state <state>', 'only those in this state').choices(STATES))
    .option('-n, --namespace <name>', 'only those of this namespace')
    .option('--name <name>', 'only those of this template, all versions')
    .option('--since <duration>', 'only those created within 90s, 15m, 1h, 7d', parseDuration)
    .option('--limit <number>', 'how many to list', wholeNumber(0, 10_000), 20)
    .option('--before <task_id>', 'the page after this task', wholeNumber(1))
    .addHelpText(
      'after',
      '\nExamples:\n  $ treadle tasks --state error --since 1h\n  $ treadle tasks --namespace shop --limit 100 --json\n',
    )
    .action(async (flags: TasksFlags, self: Command) => {
      const { terminal, config } = contextOf(self);
      await withDatabase(config(), { maxConnections: 2 }, async ({ database }) => {
        await requireMigrated(database);
        const filter: TaskFilter = {
          namespace: flags.namespace,
          name: flags.name,
          sinceSeconds: flags.since,
        };
        const { state, before, limit } = flags;
        const tasks = await listTasks(database, filter, { state, before, limit });
        const counts = await countTasks(database, filter);
        terminal.printJson({
          tasks,
          counts: Object.fromEntries(counts.map((row) => [row.state, row.tasks])),
        });
        printTasks(terminal, tasks, flags);
        terminal.print(countsText(terminal, counts));
      });
    });
}

function printTasks(terminal: Terminal, tasks: readonly ListedTask[], { limit }: TasksFlags): void {
  if (terminal.json || tasks.length === 0) return;
  const table = plainTable(terminal, [
    'task',
    'template',
    'state',
    'steps',
    'created',
    'in this state since',
  ]);
  for (const task of tasks) {
    table.push([
      task.task_id,
      `${task.namespace_name}/${task.name}@${task.version}`,
      stateText(terminal.colors, task.state),
      `${task.processed_steps}/${task.steps}`,
      instantText(task.created_at),
      instantText(task.state_since),
    ]);
  }
  terminal.print(table.toString());
  const last = tasks.at(-1);
  if (last && tasks.length === limit)
    terminal.print(terminal.colors.dim(`older ones: --before ${last.task_id}`));
}

function countsText(
  { colors }: Terminal,
  counts: readonly { readonly state: State; readonly tasks: number }[],
): string {
  if (counts.length === 0) return 'no tasks';
  const ordered = counts.toSorted((left, right) => STATES.indexOf(left.state) - STATES.indexOf(right.state));
  return ordered.map(({ state, tasks }) => `${stateText(colors, state)} ${tasks}`).join('   ');
}
