// What the commands of operators share: who does it, which tasks are meant, and how they say what was done.
import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { InvalidArgumentError, type Command } from 'commander';
import { TreadleError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { stepsNamed, tasksWithin, type Operator } from '../sql/controls.ts';
import type { Database } from '../sql/database.ts';
import type { IdRange } from '../sql/reports.ts';
import { taskState } from '../sql/tasks.ts';
import type { ContextOf } from './context.ts';
import { requireCurrent, withDatabase } from './open-database.ts';
import { ExitStatus, FAILED } from './report-error.ts';
import type { Terminal } from './terminal.ts';

/** So many tasks are changed in one transaction: their locks are held for a moment only. */
const TASKS_AT_ONCE = 200;
const MOST_LINES = 50;

export interface OperatorFlags {
  readonly by?: string;
  readonly reason?: string;
}

export function withOperatorOptions(command: Command): Command {
  return command
    .option('--reason <text>', 'why, for the audit trail')
    .option('--by <name>', 'who does it, for the audit trail; default: user@host');
}

export function operatorOf({ by, reason }: OperatorFlags): Operator {
  return { by: by ?? `${userName()}@${hostname()}`, reason };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.getuid ? `uid ${process.getuid()}` : 'somebody'; // a user without an entry, as in containers
  }
}

/** For commander: `42` and `42-99`, any number of them. */
export function taskIds(text: string, before: readonly IdRange[] = []): IdRange[] {
  const [, first, last = first] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  if (!(range.first >= 1 && range.first <= range.last))
    throw new InvalidArgumentError('Expected a task_id like 42, or a range of them like 42-99.');
  return [...before, range];
}

/** Of a range those that exist; a single id whether it exists or not, so that a mistyped one is told. */
export async function idsOf(database: Database, ranges: readonly IdRange[]): Promise<number[]> {
  const single = ranges.filter(({ first, last }) => first === last).map(({ first }) => first);
  const many = ranges.filter(({ first, last }) => first !== last);
  const found = many.length > 0 ? await tasksWithin(database, many) : [];
  return [...new Set([...single, ...found])].toSorted((left, right) => left - right);
}

/** The ids of the steps of this name, one of each task. Throws `unknown_step` when a task has none, and does nothing. */
export async function stepIdsOf(
  database: Database,
  tasks: readonly number[],
  name: string,
): Promise<number[]> {
  const steps = await stepsNamed(database, tasks, name);
  const having = new Set(steps.map(({ task_id }) => task_id));
  const without = tasks.find((taskId) => !having.has(taskId));
  if (without !== undefined) {
    await taskState(database, without); // throws when there is no such task
    throw new TreadleError('unknown_step', `task ${without} has no step "${name}"`);
  }
  return steps.map(({ workflow_step_id }) => workflow_step_id);
}

/** `{"a": 1}`, or `@file` with such a text. Throws `invalid_argument`. */
export function jsonOf(option: string, text: string): Json {
  try {
    return JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text) as Json;
  } catch (cause) {
    const came = cause instanceof Error ? cause.message : String(cause);
    throw new TreadleError('invalid_argument', `${option}: expected JSON or @file, came: ${came}`, { cause });
  }
}

/** Opens the database and does `work` on it; no engine is needed. */
export async function operate(
  contextOf: ContextOf,
  command: Command,
  work: (terminal: Terminal, database: Database) => Promise<void>,
): Promise<void> {
  const { terminal, config } = contextOf(command);
  await withDatabase(config(), { maxConnections: 2 }, async ({ database }) => {
    await requireCurrent(database);
    await work(terminal, database);
  });
}

/** Does it to a few at a time, and returns all the answers. */
export async function inPages<Result>(
  ids: readonly number[],
  work: (page: readonly number[]) => Promise<{ readonly results: readonly Result[] }>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < ids.length; at += TASKS_AT_ONCE) {
    results.push(...(await work(ids.slice(at, at + TASKS_AT_ONCE))).results);
  }
  return results;
}

type Answer = { readonly done: true } | { readonly done: false; readonly why: string };

/** What was done on stdout, what was refused on stderr; exit 1 when anything was refused. */
export function report<Result extends Answer>(
  terminal: Terminal,
  results: readonly Result[],
  said: (done: Extract<Result, { readonly done: true }>) => string,
): void {
  terminal.printJson({ results });
  const done = results.filter((result): result is Extract<Result, { readonly done: true }> => result.done);
  const refused = results.flatMap((result) => (result.done ? [] : [result.why]));
  for (const result of done.slice(0, MOST_LINES)) terminal.print(said(result));
  if (done.length > MOST_LINES) terminal.print(`and ${done.length - MOST_LINES} more, ${done.length} in all`);
  for (const why of refused.slice(0, MOST_LINES)) terminal.note(`treadle: ${why}`);
  if (refused.length > MOST_LINES) terminal.note(`and ${refused.length - MOST_LINES} more were refused`);
  if (results.length === 0) terminal.print('there is no such task');
  if (refused.length > 0) throw new ExitStatus(FAILED);
}

/** `1 step`, `3 steps`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
