// `treadle dev`: everything in one process, for the machine of a developer. Postgres, migrations, templates, engine. With native
// handlers that process is a child, which is started again when it dies, and when their files change.
import type { Command } from 'commander';
import { pino, type Logger } from 'pino';
import { migrate } from '../../sql/migrate.ts';
import { resolvePostgres } from '../../sql/server/resolve.ts';
import type { Config } from '../../core/config.ts';
import type { CommandContext, ContextOf } from '../context.ts';
import { addEngineOptions, engineOf, loadProject, overridesOf, type EngineFlags } from '../engine-options.ts';
import { onInterrupt } from '../interrupt.ts';
import { introduce } from '../introduction.ts';
import { narrate } from '../narrator.ts';
import { watchSources } from '../native-sources.ts';
import {
  addNativeOptions,
  nativeModules,
  nativeOverridesOf,
  NativeWorkers,
  wantsNative,
  type NativeFlags,
} from '../native.ts';
import { withDatabase } from '../open-database.ts';
import { prettyLog } from '../pretty-log.ts';
import { ExitStatus } from '../report-error.ts';
import { endAfter } from '../run-engine.ts';
import { runWithNative } from '../run-native.ts';
import { Servers, type Addresses } from '../servers.ts';
import { endWithSupervisor, supervise } from '../supervise.ts';
import type { Terminal } from '../terminal.ts';

interface DevFlags extends EngineFlags, NativeFlags {}

export function registerDev(program: Command, contextOf: ContextOf): void {
  const command = program
    .command('dev')
    .description('run everything here: Postgres, migrations, templates, engine');
  addNativeOptions(addEngineOptions(command))
    .addHelpText(
      'after',
      '\nWith native handlers it starts again when a Python or Ruby file under the working directory changes.\n' +
        '\nExamples:\n  $ treadle dev\n  $ treadle dev --app src/workflows.ts --templates config/tasks\n  $ treadle dev --native-python app.handlers\n',
    )
    .action(async (flags: DevFlags, self: Command) => dev(contextOf(self), flags));
}

async function dev(context: CommandContext, flags: DevFlags): Promise<void> {
  if (wantsNative(flags) && flags.supervise) return devSupervised(context, flags);
  endWithSupervisor();
  return devHere(context, flags);
}

/** Holds the embedded Postgres, so that it need not start again with each change. */
async function devSupervised(
  { terminal, config: configure }: CommandContext,
  flags: DevFlags,
): Promise<void> {
  const config = configure({ ...overridesOf(flags), ...nativeOverridesOf(flags) });
  const modules = nativeModules(config, flags);
  const log = devLog(terminal, config);
  const { databaseUrl, dataDir } = config;
  const server = await resolvePostgres({ databaseUrl, dataDir, onProgress: (line) => log.info(line) });
  try {
    const watch = (onChange: (file: string) => void) => watchSources(modules, onChange);
    const status = await supervise({ flag: '--no-supervise', log, watch });
    if (status !== 0) throw new ExitStatus(status);
  } finally {
    await server.stop();
  }
}

async function devHere({ terminal, config: configure }: CommandContext, flags: DevFlags): Promise<void> {
  const interrupt = onInterrupt();
  const config = configure({ ...overridesOf(flags), ...nativeOverridesOf(flags) });
  const log = devLog(terminal, config);
  const onProgress = (line: string): void => log.info(line);
  const project = await loadProject(config);
  const name = await withDatabase(
    config,
    { onProgress, maxConnections: 10, create: true },
    async ({ database, server }) => {
      await migrate(database, { onProgress });
      const engine = await engineOf(config, project, database, log);
      const servers = await Servers.of(config, flags, { engine, database, log });
      const native = await NativeWorkers.of(config, flags, log);
      const stopNarrating = narrate(engine, log);
      const onRunning = (addresses: Addresses): void =>
        introduce(terminal, { config, project, engine, native, server, addresses });
      const told = await runWithNative({ engine, config, interrupt, log, servers, native, onRunning });
      stopNarrating();
      return told;
    },
  );
  sayLast(terminal, log);
  endAfter(name);
}

/** Whatever the log level is. */
function sayLast(terminal: Terminal, log: Logger): void {
  const text = 'stopped; tasks that had not ended go on at the next start';
  if (terminal.json) log.info(text);
  else terminal.print(text);
}

function devLog(terminal: Terminal, config: Config): Logger {
  const options = { level: config.logLevel };
  return terminal.json
    ? pino(options, terminal.out)
    : pino(options, prettyLog(terminal.out, terminal.colors));
}
