// `treadle retry`: failed steps get all their attempts anew and run at once; failed tasks go on.
import type { Command } from 'commander';
import { retrySteps, retryTasks, type ChangedStep, type RetriedTask } from '../../sql/controls.ts';
import type { IdRange } from '../../sql/reports.ts';
import type { ContextOf } from '../context.ts';
import {
  count,
  idsOf,
  inPages,
  operate,
  operatorOf,
  report,
  stepIdsOf,
  taskIds,
  withOperatorOptions,
  type OperatorFlags,
} from '../operator.ts';

interface RetryFlags extends OperatorFlags {
  readonly step?: string;
}

export function registerRetry(program: Command, contextOf: ContextOf): void {
  withOperatorOptions(program.command('retry'))
    .description('give failed steps all their attempts anew, at once; failed tasks go on')
    .argument('<task_id...>', 'tasks, or ranges like 42-99', taskIds)
    .option('--step <name>', 'only this step, not all that have failed')
    .addHelpText(
      'after',
      '\nExamples:\n  $ treadle retry 42\n  $ treadle retry 42-99 --step charge_card --reason "the provider is back"\n',
    )
    .action(async (ranges: readonly IdRange[], flags: RetryFlags, self: Command) => {
      await operate(contextOf, self, async (terminal, database) => {
        const ids = await idsOf(database, ranges);
        const operator = operatorOf(flags);
        if (flags.step === undefined) {
          report(terminal, await inPages(ids, (page) => retryTasks(database, page, operator)), retriedText);
          return;
        }
        const steps = await stepIdsOf(database, ids, flags.step);
        report(
          terminal,
          await inPages(steps, (page) => retrySteps(database, page, operator)),
          retriedStepText,
        );
      });
    });
}

function retriedText({ task_id, retried_steps, task_state }: RetriedTask): string {
  return `retried task ${task_id}: ${count(retried_steps, 'step')} put back, the task is ${task_state}`;
}

function retriedStepText({ task_id, step_name, task_state }: ChangedStep): string {
  return `retried step ${step_name} of task ${task_id}: the task is ${task_state}`;
}
