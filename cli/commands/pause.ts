// `treadle pause` and `treadle resume`: what may be claimed. Running steps go on while they are paused.
import type { Command } from 'commander';
import { TreadleError } from '../../core/errors.ts';
import {
  listPauses,
  pause,
  resume,
  type ListedPause,
  type Paused,
  type PauseSubject,
  type Resumed,
} from '../../sql/controls.ts';
import type { Database } from '../../sql/database.ts';
import type { IdRange } from '../../sql/reports.ts';
import { collect } from '../arguments.ts';
import type { ContextOf } from '../context.ts';
import { instantText } from '../duration.ts';
import { ExitStatus, FAILED } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import {
  count,
  idsOf,
  operate,
  operatorOf,
  taskIds,
  withOperatorOptions,
  type OperatorFlags,
} from '../operator.ts';

interface ScopeFlags {
  readonly namespace?: string[];
  readonly handler?: string[];
}

const EXAMPLES = (verb: string): string =>
  `\nExamples:\n  $ treadle ${verb} 42\n  $ treadle ${verb} --namespace shop\n  $ treadle ${verb} --handler ChargeCard\n`;

export function registerPause(program: Command, contextOf: ContextOf): void {
  withScope(withOperatorOptions(program.command('pause')))
    .description(
      'claim no more steps of a task, namespace or handler; without any of them, list what is paused',
    )
    .addHelpText('after', EXAMPLES('pause'))
    .action(
      async (ranges: readonly IdRange[] | undefined, flags: ScopeFlags & OperatorFlags, self: Command) => {
        await operate(contextOf, self, async (terminal, database) => {
          const subjects = await subjectsOf(database, ranges ?? [], flags);
          if (subjects.length === 0) {
            const pauses = await listPauses(database);
            terminal.printJson({ pauses });
            for (const line of listLines(pauses)) terminal.print(line);
            return;
          }
          const operator = operatorOf(flags);
          await eachOf(terminal, subjects, (subject) => pause(database, subject, operator), pausedText);
        });
      },
    );
}

export function registerResume(program: Command, contextOf: ContextOf): void {
  withScope(program.command('resume'))
    .description('end a pause: what it held can be claimed again')
    .addHelpText('after', EXAMPLES('resume'))
    .action(async (ranges: readonly IdRange[] | undefined, flags: ScopeFlags, self: Command) => {
      await operate(contextOf, self, async (terminal, database) => {
        const subjects = await subjectsOf(database, ranges ?? [], flags);
        if (subjects.length === 0)
          throw new TreadleError('invalid_argument', 'expected a task_id, --namespace or --handler');
        await eachOf(terminal, subjects, (subject) => resume(database, subject), resumedText);
      });
    });
}

function withScope(command: Command): Command {
  return command
    .argument('[task_id...]', 'tasks, or ranges like 42-99', taskIds)
    .option('-n, --namespace <name>', 'all tasks of this namespace', collect)
    .option('--handler <name>', 'all steps of this handler', collect);
}

async function subjectsOf(
  database: Database,
  ranges: readonly IdRange[],
  { namespace = [], handler = [] }: ScopeFlags,
): Promise<PauseSubject[]> {
  const ids = await idsOf(database, ranges);
  return [
    ...ids.map((id) => ({ scope: 'task' as const, subject: String(id) })),
    ...namespace.map((subject) => ({ scope: 'namespace' as const, subject })),
    ...handler.map((subject) => ({ scope: 'handler' as const, subject })),
  ];
}

/** Says of each what was done. One that cannot be paused leaves the others alone; alone it is the error of the command. */
async function eachOf<Result>(
  terminal: Terminal,
  subjects: readonly PauseSubject[],
  work: (subject: PauseSubject) => Promise<Result>,
  said: (result: PauseSubject & Result) => string,
): Promise<void> {
  const results: object[] = [];
  let refused = 0;
  for (const subject of subjects) {
    try {
      const result = { ...subject, ...(await work(subject)) };
      results.push(result);
      terminal.print(said(result));
    } catch (error) {
      if (subjects.length === 1 || !(error instanceof TreadleError)) throw error;
      refused += 1;
      results.push({ ...subject, done: false, code: error.code, why: error.message });
      terminal.note(`treadle: ${error.message}`);
    }
  }
  terminal.printJson({ results });
  if (refused > 0) throw new ExitStatus(FAILED);
}

function pausedText(paused: PauseSubject & Paused): string {
  if (!paused.done) return `${nameOf(paused)} is paused already, ${whoText(paused)}`;
  return `paused ${nameOf(paused)}: ${count(paused.steps, 'ready step')} held, running steps go on`;
}

function resumedText(resumed: PauseSubject & Resumed): string {
  if (!resumed.done) return `${nameOf(resumed)} was not paused`;
  const held = resumed.still_held > 0 ? `, ${resumed.still_held} still held by another pause` : '';
  return `resumed ${nameOf(resumed)}: ${count(resumed.steps, 'step')} can run${held}`;
}

function listLines(pauses: readonly ListedPause[]): string[] {
  if (pauses.length === 0) return ['nothing is paused'];
  return pauses.map(
    (found) => `${nameOf(found)}: ${count(found.steps, 'ready step')} held, paused ${whoText(found)}`,
  );
}

function nameOf({ scope, subject }: PauseSubject): string {
  return `${scope} ${subject}`;
}

function whoText(found: Pick<ListedPause, 'paused_by' | 'paused_at' | 'reason'>): string {
  const why = found.reason === null ? '' : `: ${found.reason}`;
  return `by ${found.paused_by} since ${instantText(found.paused_at)}${why}`;
}
