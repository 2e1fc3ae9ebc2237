// What the demo says beside its tables: where things are, what the checks found, and what to try next.
import pc from 'picocolors';
import { join, relative, resolve } from 'node:path';
import type { Database } from '../../index.ts';
import type { PostgresServer } from '../../index.ts';
import type { Check } from './checks.ts';
import { isUnderWay, readProgress } from './progress.ts';

const NAMED_AT_MOST = 5;

export interface Places {
  readonly server: PostgresServer;
  readonly providerUrl: string;
  readonly file: string;
  readonly out: string;
}

export function printWhere({ server, providerUrl, file, out }: Places): void {
  const { host, pathname } = new URL(server.url);
  const kept = server.home === undefined ? '' : `, kept in ${server.home}`;
  console.log(`  postgres   ${server.version} (${server.source}) at ${host}${pathname}${kept}`);
  console.log(`  provider   a flaky one at ${providerUrl}`);
  console.log(`  orders     ${shown(file)}`);
  console.log(`  files      ${shown(out)}${pc.dim('/{invoices,outbox}')}`);
}

/** A line for each team: where its handlers run, and why there. */
export function printCrew(lines: readonly string[]): void {
  for (const line of lines) console.log(`  ${line}`);
  console.log('');
}

/** Returns whether all of them hold. */
export function printChecks(checks: readonly Check[]): boolean {
  console.log('\nCHECK');
  for (const { claim, against } of checks) {
    if (against.length === 0) console.log(`  ${pc.green('ok')}    ${claim}`);
    else console.log(`  ${pc.red('FAIL')}  ${claim}: ${named(against)}`);
  }
  const failed = checks.filter((check) => check.against.length > 0).length;
  console.log(
    failed === 0 ? '\nNothing lost, nothing done twice.' : `\n${failed} of ${checks.length} checks FAILED.`,
  );
  return failed === 0;
}

function named(against: readonly string[]): string {
  const rest = against.length - NAMED_AT_MOST;
  return `${against.slice(0, NAMED_AT_MOST).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** Two commands on the tasks of this run. */
export async function printNext(database: Database, run: string, server: PostgresServer): Promise<void> {
  const task = await mostTellingTask(database, run);
  console.log(pc.dim('\nTry next:'));
  if (task !== undefined) console.log(`  npx treadle status ${task}`);
  console.log(`  ${psql(server)} -c "select * from shop.stock where run = '${run}'"`);
  if (server.home !== undefined)
    console.log(pc.dim('  (psql needs a running server: npm run demo -- --keep-open)'));
}

export async function printUnfinished(database: Database, run: string): Promise<void> {
  const progress = await readProgress(database, run);
  if (!isUnderWay(progress)) return;
  const left = progress.orders - progress.complete - progress.failed + progress.earlier;
  console.log(`Stopped in order. ${left} orders are on their way: the next demo carries them on.`);
}

/** The task whose way was the longest: most attempts, then most steps. */
async function mostTellingTask(database: Database, run: string): Promise<number | undefined> {
  const [row] = await database.query<{ task_id: number }>(
    `select o.task_id
     from shop.orders o
     join public.tasker_workflow_steps s on s.task_id = o.task_id
     where o.run = $1
     group by o.task_id
     order by sum(s.attempts) desc nulls last, o.task_id
     limit 1`,
    [run],
  );
  return row?.task_id;
}

/** The password stays where it is: in the environment, or in a file that only its owner can read. */
function psql({ url, home }: PostgresServer): string {
  if (home === undefined) return 'psql "$DATABASE_URL"';
  const { hostname, port, username, pathname } = new URL(url);
  const password = `PGPASSWORD="$(cat '${shown(join(home, 'password'))}')"`;
  return `${password} psql -h ${hostname} -p ${port} -U ${username} ${pathname.slice(1)}`;
}

/** A path as a person would type it here. */
function shown(path: string): string {
  const fromHere = relative('.', path);
  return fromHere.startsWith('..') ? resolve(path) : fromHere;
}
