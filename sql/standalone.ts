// A function of ours as one plain query, for a database in which it does not exist (and may not be made: a standby, a read-only
// transaction). The text comes from the function's own file, so that what it says is written once.
import { TreadleError } from '../core/errors.ts';
import type { RoutineFile } from './routines.ts';

/** Relations of ours that a query may name, by what stands for them where the schema treadle is not there. */
const EMPTY: Readonly<Record<string, string>> = {
  'treadle.claims': '(select null::bigint as workflow_step_id where false)',
};

const CALL = /\btreadle\.(\w+)\(([^()]*)\)/g;
const HEADER = /^create or replace function treadle\.\w+\(([^()]*)\)/m;
const COLUMNS = /\breturns table \(([^()]*)\)/;
/** All of a `language sql` body, or the only query that a plpgsql body returns. */
const BODIES = [
  /\breturn query\s+([\s\S]+?);\s*end\s*\$\$/,
  /\blanguage sql\b[\s\S]*?\bas \$\$([\s\S]+?);?\s*\$\$/,
];

/**
 * The query that calling `treadle.<name>(...args)` would run, with the functions that it calls put in their place.
 * @throws TreadleError `database_error` when the function is not one query, or calls something with brackets in its arguments.
 */
export function standaloneQuery(
  routines: readonly RoutineFile[],
  name: string,
  args: readonly string[],
): string {
  const { text } = fileOf(routines, name);
  const source = text.replaceAll(/--.*$/gm, '');
  const body = BODIES.map((pattern) => pattern.exec(source)?.[1]).find((found) => found !== undefined);
  if (body === undefined)
    throw new TreadleError('database_error', `treadle.${name}: expected one query, found none`);
  const bound = bind(body, namesIn(HEADER.exec(source)?.[1]), args);
  const query = bound.replaceAll(
    CALL,
    (_call, called: string, given: string) =>
      `(${standaloneQuery(
        routines,
        called,
        given.split(',').map((arg) => arg.trim()),
      )})`,
  );
  return named(withoutOurTables(name, query), namesIn(COLUMNS.exec(source)?.[1]));
}

function fileOf(routines: readonly RoutineFile[], name: string): RoutineFile {
  const file = routines.find(({ defines }) =>
    defines.some((made) => made.schema === 'treadle' && made.name === name),
  );
  if (file === undefined)
    throw new TreadleError('database_error', `expected a function treadle.${name}, found none`);
  return file;
}

/** `p_id bigint, p_at timestamp` -> [p_id, p_at]; the same for the columns of a result. */
function namesIn(list = ''): string[] {
  return list.split(',').flatMap((entry) => entry.trim().split(/\s/)[0] || []);
}

function bind(body: string, parameters: readonly string[], args: readonly string[]): string {
  return parameters.reduce(
    (text, parameter, place) =>
      text.replaceAll(new RegExp(`\\b${parameter}\\b`, 'g'), () => args[place] ?? 'null'),
    body,
  );
}

function withoutOurTables(name: string, query: string): string {
  const plain = Object.entries(EMPTY).reduce((text, [table, empty]) => text.replaceAll(table, empty), query);
  if (!plain.includes('treadle.')) return plain;
  throw new TreadleError('database_error', `treadle.${name}: expected a query over tables of Rails only`);
}

function named(query: string, columns: readonly string[]): string {
  return columns.length === 0 ? query : `select * from (${query}) as answer (${columns.join(', ')})`;
}
