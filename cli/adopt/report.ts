// What `treadle adopt` says: what was found and what to do about it, what adoption will do and for how long, and what it has done.
import type { Adoption } from '../../sql/adoption/adopt.ts';
import type { AdoptionCheck, TableSize, UnfinishedTasks } from '../../sql/adoption/check.ts';
import { LOCKS } from '../../sql/adoption/locks.ts';
import type { Finding } from '../../sql/adoption/server.ts';
import { durationText } from '../duration.ts';
import { plainTable } from '../plain-table.ts';
import type { Terminal } from '../terminal.ts';
import { bytesText } from '../tuning-report.ts';

export function showCheck(terminal: Terminal, check: AdoptionCheck): void {
  terminal.printJson({ ...check, locks: LOCKS });
  if (terminal.json) return;
  for (const finding of check.findings) showFinding(terminal, finding);
  for (const extra of check.extras) terminal.print(`note: the app has added ${extra}`);
  if (check.findings.every(({ name }) => name !== 'schema')) {
    for (const line of check.differences) terminal.print(`note: ${line}`);
  }
  terminal.print(sizesTable(terminal, check.tables));
  if (check.unfinished.length > 0) terminal.print(unfinishedTable(terminal, check.unfinished));
  for (const lock of LOCKS) terminal.print(`lock: ${lock}`);
  terminal.print(conclusion(check));
  if (check.can_be_adopted) terminal.print(`afterwards: ${NEXT_STEP}`);
}

/** What makes the reports of an adopted database fast. */
const NEXT_STEP =
  '"treadle tune functions" makes its reports fast, with Treadle\'s view and functions in the place of those of Rails';

function conclusion({ can_be_adopted, findings, estimated_seconds }: AdoptionCheck): string {
  const faults = findings.filter(({ must_mend }) => must_mend).length;
  if (!can_be_adopted) return `${count(faults, 'thing')} must be mended first; nothing was changed`;
  const time = estimated_seconds === null ? '' : `, in about ${durationText(estimated_seconds * 1000)}`;
  return `can be adopted${time}, while everything runs`;
}

function showFinding(terminal: Terminal, { must_mend, message, advice }: Finding): void {
  const { red, yellow, dim } = terminal.colors;
  terminal.print(`${must_mend ? red('MEND') : yellow('look')}  ${message}`);
  terminal.print(`      ${dim('->')} ${advice}`);
}

function sizesTable(terminal: Terminal, tables: readonly TableSize[]): string {
  const table = plainTable(terminal, ['table', 'rows (about)', 'size', 'indexes', 'their size']);
  for (const { table_name, rows_estimated, table_bytes, index_bytes, indexes } of tables) {
    const rows = rows_estimated < 0 ? 'never counted' : rows_estimated;
    table.push([table_name, rows, bytesText(table_bytes), indexes, bytesText(index_bytes)]);
  }
  return table.toString();
}

function unfinishedTable(terminal: Terminal, unfinished: readonly UnfinishedTasks[]): string {
  const table = plainTable(terminal, ['unfinished', 'tasks', 'steps']);
  for (const { namespace_name, task_name, version, tasks, steps } of unfinished) {
    table.push([`${namespace_name}/${task_name}@${version}`, tasks, steps]);
  }
  return table.toString();
}

/** `isTuned`: the view and functions have been replaced already. */
export function showAdoption(terminal: Terminal, adoption: Adoption, isTuned: boolean): void {
  terminal.printJson(adoption);
  const { applied, adopted, looked_at, interrupted } = adoption;
  terminal.print(
    `${applied.length === 0 ? 'the schema treadle was there' : `${count(applied.length, 'migration')} applied`}, ` +
      `${count(adopted, 'unfinished task')} of ${looked_at} adopted`,
  );
  if (interrupted) terminal.note('interrupted; run it again to go on');
  else if (adopted === 0 && looked_at > 0) terminal.note(NOBODYS);
  if (!interrupted && !isTuned) terminal.note(`next: ${NEXT_STEP}`);
}

const NOBODYS =
  'tasks come under Treadle when an engine registers a template for them ("treadle start"); run this again afterwards, or leave it to the engine';

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
