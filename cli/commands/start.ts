// `treadle start`: the engine of a deployment. It changes nothing in a database that is not ready for it.
import type { Command } from 'commander';
import { pino, type Logger } from 'pino';
import type { Config } from '../../core/config.ts';
import { TreadleError } from '../../core/errors.ts';
import type { CommandContext, ContextOf } from '../context.ts';
import { addEngineOptions, engineOf, loadProject, overridesOf, type EngineFlags } from '../engine-options.ts';
import { onInterrupt } from '../interrupt.ts';
import { requireCurrent, withDatabase } from '../open-database.ts';
import {
  addNativeOptions,
  nativeModules,
  nativeOverridesOf,
  NativeWorkers,
  wantsNative,
  type NativeFlags,
} from '../native.ts';
import { prettyLog } from '../pretty-log.ts';
import { ExitStatus } from '../report-error.ts';
import { endAfter } from '../run-engine.ts';
import { runWithNative } from '../run-native.ts';
import { handlerText, missingNatives, unservedHere, type NamedHandler } from '../served-here.ts';
import { Servers } from '../servers.ts';
import { endWithSupervisor, supervise } from '../supervise.ts';
import { templateTitle } from '../template-files.ts';
import type { Terminal } from '../terminal.ts';

interface StartFlags extends EngineFlags, NativeFlags {
  readonly pretty?: boolean;
}

export function registerStart(program: Command, contextOf: ContextOf): void {
  const command = program.command('start').description('run the engine on DATABASE_URL; logs are JSON');
  addNativeOptions(addEngineOptions(command))
    .option('--pretty', 'log for people')
    .addHelpText(
      'after',
      '\nSIGTERM and Ctrl-C let running steps end (TREADLE_GRACE_SECONDS, default 30); a second one stops them.\n' +
        '\nExamples:\n  $ treadle migrate && treadle start\n  $ treadle start --concurrency 200 --app dist/workflows.js\n  $ treadle start --grpc   (and handlers in Python or Ruby beside it)\n  $ treadle start --http   (and the REST API of the Rails engine; /openapi.json says how)\n  $ treadle start --native-python app.handlers   (and handlers in Python inside of it)\n  $ treadle start --native   (the same, with what TREADLE_NATIVE_PYTHON and TREADLE_NATIVE_RUBY name)\n',
    )
    .action(async (flags: StartFlags, self: Command) => start(contextOf(self), flags));
}

async function start(context: CommandContext, flags: StartFlags): Promise<void> {
  if (wantsNative(flags) && flags.supervise) return startSupervised(context, flags);
  endWithSupervisor();
  return startHere(context, flags);
}

/** What is wrong with the rest, the child says. */
async function startSupervised(
  { terminal, config: configure }: CommandContext,
  flags: StartFlags,
): Promise<void> {
  const config = configure({ ...overridesOf(flags), ...nativeOverridesOf(flags) });
  nativeModules(config, flags);
  const log = startLog(terminal, config, flags.pretty === true);
  const status = await supervise({ flag: '--no-supervise', log });
  if (status !== 0) throw new ExitStatus(status);
}

async function startHere({ terminal, config: configure }: CommandContext, flags: StartFlags): Promise<void> {
  const interrupt = onInterrupt();
  const config = configure({ ...overridesOf(flags), ...nativeOverridesOf(flags) });
  if (config.databaseUrl === undefined) {
    throw new TreadleError(
      'invalid_config',
      'DATABASE_URL: expected a URL like postgres://user:password@host:5432/database, came nothing ("treadle dev" brings its own Postgres)',
    );
  }
  const log = startLog(terminal, config, flags.pretty === true);
  const project = await loadProject(config);
  const name = await withDatabase(config, { maxConnections: 10 }, async ({ database }) => {
    await requireCurrent(database);
    const engine = await engineOf(config, project, database, log);
    const servers = await Servers.of(config, flags, { engine, database, log });
    const native = await NativeWorkers.of(config, flags, log);
    const offers = { typescript: engine.handlers, ...native.offers };
    warnOfUnserved(log, unservedHere(project, config.environment, offers), wantsNative(flags));
    const templates = project.templates.map(templateTitle);
    const onRunning = (): void => log.info({ templates, concurrency: config.concurrency }, 'ready');
    return runWithNative({ engine, config, interrupt, log, servers, native, onRunning });
  });
  endAfter(name);
}

function warnOfUnserved(log: Logger, unserved: readonly NamedHandler[], hasNative: boolean): void {
  const missing = hasNative ? missingNatives(unserved) : [];
  for (const { handler, runtime } of missing)
    log.warn({ handler, runtime }, `no module has ${handler}, for which templates say runtime ${runtime}`);
  const others = unserved
    .filter((one) => !missing.includes(one))
    .map(handlerText)
    .toSorted();
  if (others.length > 0)
    log.warn({ handlers: others }, 'templates name handlers that this process does not serve');
}

function startLog(terminal: Terminal, config: Config, pretty: boolean): Logger {
  const options = { level: config.logLevel };
  if (pretty && !terminal.json) return pino(options, prettyLog(terminal.out, terminal.colors));
  return pino(options, terminal.out);
}
