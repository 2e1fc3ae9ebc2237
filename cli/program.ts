// The tree of commands, and what they share: global options, errors that are thrown instead of printed.
import { Command } from 'commander';
import { loadConfig } from '../core/config.ts';
import { registerAdopt } from './commands/adopt.ts';
import { registerCancel } from './commands/cancel.ts';
import { registerDev } from './commands/dev.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerLimits } from './commands/limits.ts';
import { registerMigrate } from './commands/migrate.ts';
import { registerPause, registerResume } from './commands/pause.ts';
import { registerPrune } from './commands/prune.ts';
import { registerResolve } from './commands/resolve.ts';
import { registerRetry } from './commands/retry.ts';
import { registerRun } from './commands/run.ts';
import { registerSchedule } from './commands/schedule.ts';
import { registerStart } from './commands/start.ts';
import { registerStatus } from './commands/status.ts';
import { registerTasks } from './commands/tasks.ts';
import { registerTemplates } from './commands/templates.ts';
import { registerTune } from './commands/tune.ts';
import type { ContextOf } from './context.ts';
import { Terminal } from './terminal.ts';
import { packageVersion } from './version.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export function createProgram(env: Environment): Command {
  const program = new Command('treadle')
    .description('Durable workflows on the Postgres you already have.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .option('--json', 'print JSON, errors too')
    .option('--debug', 'print the stack of an error')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText('after', EXAMPLES);
  const contextOf = contextsFrom(env);
  registerDev(program, contextOf);
  registerStart(program, contextOf);
  registerMigrate(program, contextOf);
  registerAdopt(program, contextOf);
  registerRun(program, contextOf);
  registerLimits(program, contextOf);
  registerSchedule(program, contextOf);
  registerStatus(program, contextOf);
  registerTasks(program, contextOf);
  registerCancel(program, contextOf);
  registerPause(program, contextOf);
  registerResume(program, contextOf);
  registerRetry(program, contextOf);
  registerResolve(program, contextOf);
  registerTemplates(program, contextOf);
  registerPrune(program, contextOf);
  registerTune(program, contextOf);
  registerDoctor(program, contextOf);
  return program;
}

function contextsFrom(env: Environment): ContextOf {
  return (command) => {
    const { json } = command.optsWithGlobals<{ json?: boolean }>();
    return {
      terminal: new Terminal(json === true),
      config: (overrides) => loadConfig(env, overrides),
    };
  };
}

const EXAMPLES = `
Examples:
  $ treadle dev                                             Postgres, migrations, templates and engine in one process
  $ treadle run shop/order --input orders.jsonl --wait      one task per line, and wait for them
  $ treadle status 42                                       why every step of a task is where it is
  $ treadle doctor                                          what is wrong with this set-up, and what to do

Commands work on DATABASE_URL, or else on the embedded Postgres in .treadle/.`;
