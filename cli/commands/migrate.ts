// `treadle migrate`: brings the database to this version, and says what it did. `--check` only looks.
import type { Command } from 'commander';
import type { Database } from '../../sql/database.ts';
import { migrate, migrationStatus } from '../../sql/migrate.ts';
import type { CommandContext, ContextOf } from '../context.ts';
import { withDatabase } from '../open-database.ts';
import { ExitStatus, FAILED } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';

export function registerMigrate(program: Command, contextOf: ContextOf): void {
  program
    .command('migrate')
    .description('bring the database to this version; safe to run again and by many at once')
    .option('--check', 'change nothing; exit 1 when something is pending')
    .addHelpText(
      'after',
      '\nA database that a Rails app has migrated is adopted: its tables are verified, and only the schema treadle is added.\n"treadle adopt" looks at its rows first, and does it while the app writes.\n',
    )
    .action(async (flags: { check?: boolean }, self: Command) => {
      const { terminal, config }: CommandContext = contextOf(self);
      const onProgress = (line: string): void => terminal.note(line);
      await withDatabase(config(), { onProgress, create: true }, ({ database }) =>
        flags.check ? check(terminal, database) : apply(terminal, database, onProgress),
      );
    });
}

async function apply(
  terminal: Terminal,
  database: Database,
  onProgress: (line: string) => void,
): Promise<void> {
  const { applied, functionsInstalled, adopted, extras } = await migrate(database, { onProgress });
  terminal.printJson({ applied, functions_installed: functionsInstalled, adopted, extras });
  for (const extra of extras) terminal.print(`note: ${extra}`);
  if (applied.length === 0 && functionsInstalled === 0) {
    terminal.print('nothing to do: the database is up to date');
    return;
  }
  const whose = adopted ? ' (the tables belong to a Rails app and were left as they are)' : '';
  terminal.print(
    `migrated: ${count(applied.length, 'migration')} applied, ${count(functionsInstalled, 'function and view', 'functions and views')} installed${whose}`,
  );
}

async function check(terminal: Terminal, database: Database): Promise<void> {
  const { pending, applied, adopted, unknown, functionsCurrent } = await migrationStatus(database);
  terminal.printJson({ pending, applied, adopted, unknown, functions_current: functionsCurrent });
  for (const name of pending) terminal.print(`pending: ${name}`);
  for (const name of unknown) terminal.print(`of a newer Treadle: ${name}`);
  if (pending.length === 0 && !functionsCurrent) terminal.print('pending: functions and views have changed');
  if (pending.length > 0 || unknown.length > 0 || !functionsCurrent) throw new ExitStatus(FAILED);
  terminal.print(`up to date: ${count(applied.length, 'migration')} applied`);
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
