// How schedules are shown to people.
import type { ShownSchedule } from '../engine/schedules/schedules.ts';
import type { ListedSchedule } from '../sql/schedules.ts';
import { instantText } from './duration.ts';
import { plainTable } from './plain-table.ts';
import type { Terminal } from './terminal.ts';

export function printSchedules(terminal: Terminal, schedules: readonly ListedSchedule[]): void {
  if (schedules.length === 0) {
    terminal.print('there are no schedules ("treadle schedule add" adds one, "schedule:" in a template too)');
    return;
  }
  const table = plainTable(terminal, ['name', 'task', 'cron', 'time zone', 'state', 'next', 'last']);
  for (const schedule of schedules) {
    const { name, cron, timezone, next_at, last_tick_at } = schedule;
    const next = schedule.state === 'active' ? instantOrDash(next_at) : '-';
    table.push([
      name,
      taskText(schedule),
      cron,
      timezone,
      stateText(terminal, schedule),
      next,
      instantOrDash(last_tick_at),
    ]);
  }
  terminal.print(table.toString());
  for (const { name, error } of schedules) if (error !== null) terminal.print(`${name}: ${error}`);
}

export function printSchedule(terminal: Terminal, schedule: ShownSchedule): void {
  const { name, cron, timezone, missed, backfill_limit, context, error, from_template, created_by } =
    schedule;
  terminal.print(`${name}: ${taskText(schedule)}, "${cron}" in ${timezone}`);
  terminal.print(`state: ${stateText(terminal, schedule)}${pauseText(schedule)}`);
  if (error !== null) terminal.print(`error: ${error}`);
  terminal.print(`missed runs: ${missed}${missed === 'backfill' ? `, at most ${backfill_limit}` : ''}`);
  terminal.print(`from: ${from_template ? 'its template' : `${created_by}, by hand`}`);
  terminal.print(`context: ${JSON.stringify(context)}`);
  printList(
    terminal,
    'next',
    schedule.next_ticks.map((tick) => `${instantText(tick)}  ${localText(tick, timezone)}`),
  );
  printList(
    terminal,
    'last tasks',
    schedule.recent_tasks.map(
      (task) => `${task.task_id}  ${task.state}  for ${instantText(task.requested_at)}`,
    ),
  );
}

function printList(terminal: Terminal, title: string, lines: readonly string[]): void {
  terminal.print(`${title}:${lines.length === 0 ? ' none' : ''}`);
  for (const line of lines) terminal.print(`  ${line}`);
}

export function taskText({
  namespace_name,
  task_name,
  version,
}: Pick<ListedSchedule, 'namespace_name' | 'task_name' | 'version'>): string {
  return `${namespace_name}/${task_name}${version === null ? '' : `@${version}`}`;
}

function stateText({ colors }: Terminal, { state }: ListedSchedule): string {
  if (state === 'error') return colors.red(state);
  return state === 'active' ? state : colors.yellow(state);
}

function pauseText({ paused_at, paused_by, pause_reason }: ListedSchedule): string {
  if (paused_at === null) return '';
  const why = pause_reason === null ? '' : `: ${pause_reason}`;
  return `, paused by ${paused_by ?? 'somebody'} since ${instantText(paused_at)}${why}`;
}

function instantOrDash(instant: Date | null): string {
  return instant === null ? '-' : instantText(instant);
}

/** `2026-01-31 13:00:00 GMT+1`: as a clock in that zone shows it. */
function localText(instant: Date, timeZone: string): string {
  const options = { timeZone, dateStyle: 'short', timeStyle: 'long' } as const;
  return new Intl.DateTimeFormat('sv-SE', options).format(instant);
}
