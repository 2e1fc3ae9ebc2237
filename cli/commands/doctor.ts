// `treadle doctor`: what is wrong with this set-up, in words, and what to do. It changes nothing.
import type { Command } from 'commander';
import type { Config } from '../../core/config.ts';
import { TreadleError } from '../../core/errors.ts';
import type { CommandContext, ContextOf } from '../context.ts';
import { fail, ok, warn, type Check, type CheckStatus } from '../doctor/check.ts';
import { functionChecks } from '../doctor/function-checks.ts';
import { indexCheck } from '../doctor/index-checks.ts';
import { invariantCheck } from '../doctor/invariant-checks.ts';
import { nodeCheck, projectCheck } from '../doctor/project-checks.ts';
import { serverChecks } from '../doctor/server-checks.ts';
import { migrationCheck, servedHandlers, workChecks } from '../doctor/work-checks.ts';
import { hasEmbeddedCluster, shownUrl, withDatabase, type OpenDatabase } from '../open-database.ts';
import { ExitStatus, FAILED } from '../report-error.ts';
import type { Colors, Terminal } from '../terminal.ts';

interface DoctorFlags {
  readonly app?: string;
  readonly templates?: string;
  /** Look at every task there is. */
  readonly all?: boolean;
}

export function registerDoctor(program: Command, contextOf: ContextOf): void {
  program
    .command('doctor')
    .description('say what is wrong with this set-up and what to do; exit 1 when something fails')
    .option('--app <file>', 'the app module')
    .option('--templates <folder>', 'the folder of template files')
    .option('--all', 'hold every task to the invariants, not only the newest: seconds for a million steps')
    .action(async (flags: DoctorFlags, self: Command) => {
      const context = contextOf(self);
      const checks = await examine(context, flags);
      report(context.terminal, checks);
      if (checks.some(({ status }) => status === 'fail')) throw new ExitStatus(FAILED);
    });
}

async function examine(context: CommandContext, flags: DoctorFlags): Promise<Check[]> {
  const node = nodeCheck();
  let config: Config;
  try {
    config = context.config({ app: flags.app, templates: flags.templates });
  } catch (error) {
    if (!(error instanceof TreadleError)) throw error;
    return [node, fail('configuration', error.message, 'Correct the environment variable.')];
  }
  if (config.databaseUrl === undefined && !hasEmbeddedCluster(config.dataDir)) {
    const message = `DATABASE_URL is not set, and there is no embedded Postgres in ${config.dataDir} yet`;
    const postgres = warn('postgres', message, '"treadle dev" makes one; or set DATABASE_URL.');
    return [node, await projectCheck(config, new Set()), postgres];
  }
  const { checks, served } = await databaseChecks(config, flags);
  return [node, await projectCheck(config, served), ...checks];
}

interface DatabaseChecks {
  readonly checks: readonly Check[];
  /** Handlers that live processes serve. */
  readonly served: ReadonlySet<string>;
}

async function databaseChecks(config: Config, { all = false }: DoctorFlags): Promise<DatabaseChecks> {
  const checks: Check[] = [];
  let served: ReadonlySet<string> = new Set();
  try {
    await withDatabase(config, { maxConnections: 2 }, async (open) => {
      checks.push(place(open), ...(await serverChecks(open.database)));
      const migrations = await migrationCheck(open.database);
      checks.push(migrations);
      if (migrations.status !== 'ok') return;
      checks.push(...(await workChecks(open.database, config)));
      served = await servedHandlers(open.database);
      checks.push(await invariantCheck(open.database, all), await indexCheck(open.database));
      checks.push(...(await functionChecks(open.database)));
    });
  } catch (error) {
    if (!(error instanceof TreadleError)) throw error;
    const name = checks.length === 0 ? 'postgres' : 'database';
    checks.push(fail(name, error.message, adviceFor(error, config)));
  }
  return { checks, served };
}

function place({ server }: OpenDatabase): Check {
  const where = server.home === undefined ? '' : `, data and log in ${server.home}`;
  return ok('postgres', `${shownUrl(server.url)} (${server.source}${where})`);
}

function adviceFor({ message }: TreadleError, config: Config): string {
  if (/unsupported startup parameter/i.test(message)) {
    return "A pooler (PgBouncer) refuses the option that sets UTC: connect to Postgres itself, or set ignore_startup_parameters = options there and alter role ... set timezone to 'UTC'.";
  }
  if (config.databaseUrl === undefined) return 'See the lines above for what was tried.';
  return 'Check that the server runs, and host, port, user, password and database in DATABASE_URL.';
}

const PAINT: Readonly<Record<CheckStatus, (colors: Colors) => string>> = {
  ok: ({ green }) => green('ok  '),
  warn: ({ yellow }) => yellow('warn'),
  fail: ({ red }) => red('FAIL'),
};

function report(terminal: Terminal, checks: readonly Check[]): void {
  const count = (status: CheckStatus): number => checks.filter((check) => check.status === status).length;
  terminal.printJson({ ok: count('fail') === 0, checks });
  for (const { name, status, message, advice } of checks) {
    const text = message.replaceAll('\n', `\n${' '.repeat(19)}`);
    terminal.print(`${PAINT[status](terminal.colors)}  ${name.padEnd(13)}${text}`);
    if (advice) terminal.print(`${' '.repeat(19)}${terminal.colors.dim('->')} ${advice}`);
  }
  terminal.print(`\n${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed`);
}
