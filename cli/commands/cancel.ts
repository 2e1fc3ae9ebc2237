// `treadle cancel`: ends tasks and all their unfinished steps; running handlers are told to stop.
import type { Command } from 'commander';
import { cancelTasks, type CancelledTask } from '../../sql/controls.ts';
import type { IdRange } from '../../sql/reports.ts';
import type { ContextOf } from '../context.ts';
import {
  count,
  idsOf,
  inPages,
  operate,
  operatorOf,
  report,
  taskIds,
  withOperatorOptions,
  type OperatorFlags,
} from '../operator.ts';

export function registerCancel(program: Command, contextOf: ContextOf): void {
  withOperatorOptions(program.command('cancel'))
    .description('cancel tasks that have not ended, and failed ones, with all their unfinished steps')
    .argument('<task_id...>', 'tasks, or ranges like 42-99', taskIds)
    .addHelpText(
      'after',
      '\nExamples:\n  $ treadle cancel 42 --reason "wrong address"\n  $ treadle cancel 42-99 120\n',
    )
    .action(async (ranges: readonly IdRange[], flags: OperatorFlags, self: Command) => {
      await operate(contextOf, self, async (terminal, database) => {
        const ids = await idsOf(database, ranges);
        const operator = operatorOf(flags);
        report(terminal, await inPages(ids, (page) => cancelTasks(database, page, operator)), cancelledText);
      });
    });
}

function cancelledText({ task_id, cancelled_steps, running_steps }: CancelledTask): string {
  const told = running_steps > 0 ? `, ${count(running_steps, 'running step')} told to stop` : '';
  return `cancelled task ${task_id}: ${count(cancelled_steps, 'step')} cancelled${told}`;
}
