// What `treadle run` says of its tasks: that they were created, and, when it waited, how they ended and why some failed.
import type { RegisteredTemplate } from '../engine/templates.ts';
import type { Database } from '../sql/database.ts';
import { taskFailures, type IdRange } from '../sql/reports.ts';
import type { CreatedTasks } from './create-tasks.ts';
import { idRanges } from './id-ranges.ts';
import { plainTable } from './plain-table.ts';
import type { CheckedRows } from './row-check.ts';
import { templateTitle } from './template-files.ts';
import type { Terminal } from './terminal.ts';
import type { PhaseCounts } from './wait-for-tasks.ts';

const MOST_REASONS = 10;
const LONGEST_REASON = 80;

/** For programs. */
export function summaryOf(
  { template }: RegisteredTemplate,
  created: CreatedTasks,
  checked: CheckedRows,
): object {
  return {
    template: templateTitle(template),
    created: created.created,
    duplicates: created.duplicates,
    invalid: checked.bad,
    problems: checked.problems,
    task_ids: created.task_ids,
  };
}

/** For people. */
export function creationText(
  { template }: RegisteredTemplate,
  { task_ids, created, duplicates }: CreatedTasks,
): string {
  const title = templateTitle(template);
  const ranges = idRanges(task_ids);
  const [first, last] = [ranges.at(0)?.first, ranges.at(-1)?.last];
  if (task_ids.length === 1) {
    const hint = `(treadle status ${first})`;
    return created === 1
      ? `created task ${first} of ${title} ${hint}`
      : `task ${first} of ${title} was there already ${hint}`;
  }
  const ids = first === undefined ? '' : ` (task ids ${first} to ${last})`;
  const there = duplicates > 0 ? `; ${duplicates} were there already` : '';
  return `created ${created} tasks of ${title}${ids}${there}`;
}

export async function printOutcomes(
  terminal: Terminal,
  database: Database,
  ranges: readonly IdRange[],
  counts: PhaseCounts,
): Promise<void> {
  if (terminal.json) return;
  terminal.print(countsText(terminal, counts));
  if ((counts.error ?? 0) === 0) return;
  const reasons = plainTable(terminal, ['failed step', 'error', 'tasks', 'for example']);
  for (const { step_name, error, tasks, example_task_id } of await taskFailures(
    database,
    ranges,
    MOST_REASONS,
  )) {
    reasons.push([step_name, shortened(error), tasks, `treadle status ${example_task_id}`]);
  }
  terminal.print(reasons.toString());
}

/** A table of the states; a single task needs none. */
function countsText(terminal: Terminal, counts: PhaseCounts): string {
  const found = Object.entries(counts).filter(([, count]) => count > 0);
  const [only] = found;
  if (found.length === 1 && only?.[1] === 1) return only[0];
  const table = plainTable(terminal, ['state', 'tasks']);
  for (const entry of found) table.push(entry);
  return table.toString();
}

function shortened(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON - 1)}…` : line;
}
