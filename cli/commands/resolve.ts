// `treadle resolve`: a person has done what a step should do, or a failed task needs nothing more.
import type { Command } from 'commander';
import { TreadleError } from '../../core/errors.ts';
import { resolveSteps, resolveTasks, type ChangedStep, type ResolvedTask } from '../../sql/controls.ts';
import type { IdRange } from '../../sql/reports.ts';
import type { ContextOf } from '../context.ts';
import {
  idsOf,
  inPages,
  jsonOf,
  operate,
  operatorOf,
  report,
  stepIdsOf,
  taskIds,
  withOperatorOptions,
  type OperatorFlags,
} from '../operator.ts';

interface ResolveFlags extends OperatorFlags {
  readonly step?: string;
  readonly results?: string;
  readonly force?: boolean;
}

export function registerResolve(program: Command, contextOf: ContextOf): void {
  withOperatorOptions(program.command('resolve'))
    .description('resolve a step by hand, so that its children run; or end a failed task for good')
    .argument('<task_id...>', 'tasks, or ranges like 42-99', taskIds)
    .option('--step <name>', 'this step; without it the task itself, which must have failed')
    .option('--results <json>', 'what its children see as its results: JSON, or @file')
    .option('--force', 'also when the step is running: it is taken away from its worker')
    .addHelpText(
      'after',
      `\nExamples:\n  $ treadle resolve 42 --step charge_card --results '{"payment_id": "p-1"}' --reason "paid in cash"\n  $ treadle resolve 42\n`,
    )
    .action(async (ranges: readonly IdRange[], flags: ResolveFlags, self: Command) => {
      const { step, force } = flags;
      if (step === undefined && (flags.results !== undefined || force))
        throw new TreadleError(
          'invalid_argument',
          '--results and --force are about a step: name it with --step',
        );
      const results = flags.results === undefined ? undefined : jsonOf('--results', flags.results);
      await operate(contextOf, self, async (terminal, database) => {
        const ids = await idsOf(database, ranges);
        const operator = operatorOf(flags);
        if (step === undefined) {
          report(
            terminal,
            await inPages(ids, (page) => resolveTasks(database, page, operator)),
            resolvedText,
          );
          return;
        }
        const steps = await stepIdsOf(database, ids, step);
        const resolve = (page: readonly number[]) =>
          resolveSteps(database, page, { ...operator, results, force });
        report(terminal, await inPages(steps, resolve), resolvedStepText);
      });
    });
}

function resolvedText({ task_id }: ResolvedTask): string {
  return `resolved task ${task_id}: it has ended`;
}

function resolvedStepText({ task_id, step_name, from_state, task_state }: ChangedStep): string {
  return `resolved step ${step_name} of task ${task_id}, which was ${from_state}: the task is ${task_state}`;
}
