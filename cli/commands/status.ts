// `treadle status`: why every step of a task is where it is. `--watch` follows the task to its end.
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { END_STATES } from '../../core/vocabulary.ts';
import type { Database } from '../../sql/database.ts';
import { explainSteps, taskReport, taskReportSteps } from '../../sql/reports.ts';
import { wholeNumber } from '../arguments.ts';
import type { CommandContext, ContextOf } from '../context.ts';
import { onInterrupt } from '../interrupt.ts';
import { requireMigrated, withDatabase } from '../open-database.ts';
import { ExitStatus, FAILED, INTERRUPTED } from '../report-error.ts';
import { statusLines, stepsToExplain, type TaskStatus } from '../task-status.ts';
import type { Terminal } from '../terminal.ts';

interface StatusFlags {
  readonly all?: boolean;
  readonly watch?: boolean;
}

const POLL_MS = 500;

export function registerStatus(program: Command, contextOf: ContextOf): void {
  program
    .command('status')
    .description('show the steps of a task, and why each is where it is')
    .argument('<task_id>', 'the task', wholeNumber(1))
    .option('-a, --all', 'the whole tree, however many steps there are')
    .option('-w, --watch', 'follow until it ends; exit 1 when it did not succeed')
    .addHelpText(
      'after',
      '\nExamples:\n  $ treadle status 42\n  $ treadle status 42 --watch\n  $ treadle status 42 --json | jq .steps\n',
    )
    .action(async (taskId: number, flags: StatusFlags, self: Command) => {
      const { terminal, config }: CommandContext = contextOf(self);
      await withDatabase(config(), { maxConnections: 2 }, async ({ database }) => {
        await requireMigrated(database);
        const whole = flags.all === true || terminal.json;
        if (flags.watch) await watch(terminal, database, taskId, whole);
        else show(terminal, await readStatus(database, taskId, whole), whole);
      });
    });
}

async function readStatus(database: Database, taskId: number, all: boolean): Promise<TaskStatus> {
  const task = await taskReport(database, taskId);
  const steps = await taskReportSteps(database, taskId);
  const ids = stepsToExplain(steps, all).map(({ workflow_step_id }) => workflow_step_id);
  return { task, steps, explanations: await explainSteps(database, ids) };
}

function show(terminal: Terminal, status: TaskStatus, all: boolean): void {
  if (terminal.json) terminal.printJson(jsonOf(status));
  else for (const line of statusLines(terminal, status, all)) terminal.print(line);
}

function jsonOf({ task, steps, explanations }: TaskStatus): object {
  return {
    ...task,
    steps: steps.map((step) => ({ ...step, explanation: explanations.get(step.workflow_step_id) ?? null })),
  };
}

/** Draws over itself on a terminal; elsewhere a line for each change. */
async function watch(terminal: Terminal, database: Database, taskId: number, all: boolean): Promise<void> {
  const { signal } = onInterrupt();
  let seen: TaskStatus | undefined;
  let drawn = 0;
  for (;;) {
    const status = await readStatus(database, taskId, all);
    if (terminal.isInteractive) drawn = redraw(terminal, statusLines(terminal, status, all), drawn);
    else if (!seen || hasChanged(seen, status)) tell(terminal, seen, status, all);
    seen = status;
    if (END_STATES.has(status.task.state) || signal.aborted) break;
    await delay(POLL_MS, undefined, { signal }).catch(() => {});
  }
  const { state } = seen.task;
  if (!END_STATES.has(state)) throw new ExitStatus(INTERRUPTED);
  if (state === 'error' || state === 'cancelled') throw new ExitStatus(FAILED);
}

/** As many lines as fit; returns how many there are to draw over. */
function redraw(terminal: Terminal, lines: readonly string[], drawn: number): number {
  const shown = lines.slice(0, Math.max((terminal.out.rows ?? 50) - 1, 1));
  const back = drawn > 0 ? `\u001B[${drawn}A` : '';
  terminal.out.write(`${back}\u001B[J${shown.join('\n')}\n`);
  return shown.length;
}

function hasChanged(before: TaskStatus, after: TaskStatus): boolean {
  const stamp = ({ task, steps }: TaskStatus): string =>
    [task.state, ...steps.map(({ state, attempts, verdict }) => `${state} ${attempts} ${verdict}`)].join();
  return stamp(before) !== stamp(after);
}

/** The whole at first (and always with --json), then what has changed. */
function tell(terminal: Terminal, before: TaskStatus | undefined, after: TaskStatus, all: boolean): void {
  if (!before || terminal.json) return show(terminal, after, all);
  const earlier = new Map(before.steps.map((step) => [step.workflow_step_id, step]));
  for (const step of after.steps) {
    const old = earlier.get(step.workflow_step_id);
    if (old?.state === step.state && old.attempts === step.attempts) continue;
    const why = after.explanations.get(step.workflow_step_id);
    terminal.print(`${step.name}: ${old?.state ?? 'pending'} -> ${step.state}${why ? `, ${why}` : ''}`);
  }
  if (before.task.state !== after.task.state)
    terminal.print(`task ${after.task.task_id}: ${before.task.state} -> ${after.task.state}`);
}
