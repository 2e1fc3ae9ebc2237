// `treadle start`: the engine of a deployment. It changes nothing in a database that is not ready for it.
import type { Command } from 'commander';
import { pino, type Logger } from 'pino';
import type { Config } from '../../core/config.ts';
import { TreadleError } from '../../core/errors.ts';
import type { CommandContext, ContextOf } from '../context.ts';
import {
  addEngineOptions,
  engineOf,
  loadProject,
  overridesOf,
  unservedHere,
  type EngineFlags,
} from '../engine-options.ts';
import { onInterrupt } from '../interrupt.ts';
import { requireCurrent, withDatabase } from '../open-database.ts';
import { addNativeOptions, NativeWorkers, wantsNative, type NativeFlags } from '../native.ts';
import { prettyLog } from '../pretty-log.ts';
import { ExitStatus } from '../report-error.ts';
import { endAfter, runUntilInterrupted } from '../run-engine.ts';
import { Servers } from '../servers.ts';
import { endWithSupervisor, supervise, tellSupervisor } from '../supervise.ts';
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
        '\nExamples:\n  $ treadle migrate && treadle start\n  $ treadle start --concurrency 200 --app dist/workflows.js\n  $ treadle start --grpc   (and handlers in Python or Ruby beside it)\n  $ treadle start --http   (and the REST API of the Rails engine; /openapi.json says how)\n  $ treadle start --native-python app.handlers   (and handlers in Python inside of it)\n',
    )
    .action(async (flags: StartFlags, self: Command) => start(contextOf(self), flags));
}

async function start(context: CommandContext, flags: StartFlags): Promise<void> {
  if (wantsNative(flags) && flags.supervise) return startSupervised(context, flags);
  endWithSupervisor();
  return startHere(context, flags);
}

/** What is wrong with the configuration, the child says. */
async function startSupervised(
  { terminal, config: configure }: CommandContext,
  flags: StartFlags,
): Promise<void> {
  const log = startLog(terminal, configure(overridesOf(flags)), flags.pretty === true);
  const status = await supervise('--no-supervise', log);
  if (status !== 0) throw new ExitStatus(status);
}

async function startHere({ terminal, config: configure }: CommandContext, flags: StartFlags): Promise<void> {
  const interrupt = onInterrupt();
  const config = configure(overridesOf(flags));
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
    const unserved = unservedHere(project, [...engine.handlers, ...native.handlers]);
    if (unserved.length > 0)
      log.warn({ handlers: unserved }, 'templates name handlers that this process does not serve');
    const ready = (): void => {
      native.connect(engine);
      tellSupervisor('serving');
      log.info({ templates: project.templates.map(templateTitle), concurrency: config.concurrency }, 'ready');
    };
    interrupt.signal.addEventListener('abort', () => tellSupervisor('ending'));
    const ending = await runUntilInterrupted(engine, config, interrupt, log, ready, servers);
    await native.stop();
    return ending;
  });
  endAfter(name);
}

function startLog(terminal: Terminal, config: Config, pretty: boolean): Logger {
  const options = { level: config.logLevel };
  if (pretty && !terminal.json) return pino(options, prettyLog(terminal.out, terminal.colors));
  return pino(options, terminal.out);
}
