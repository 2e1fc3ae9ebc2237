// The tree of commands, and what they share: global options, errors that are thrown instead of printed. A command's code is loaded
// when it is named: most of them need a small part of what `dev` needs, and start in half the time.
import { Command } from 'commander';
import { loadConfig } from '../core/config.ts';
import type { ContextOf } from './context.ts';
import { Terminal } from './terminal.ts';
import { packageVersion } from './version.ts';

type Environment = Readonly<Record<string, string | undefined>>;

type Register = (program: Command, contextOf: ContextOf) => void;

/** In the order of the help. */
const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  dev: async () => (await import('./commands/dev.ts')).registerDev,
  start: async () => (await import('./commands/start.ts')).registerStart,
  migrate: async () => (await import('./commands/migrate.ts')).registerMigrate,
  adopt: async () => (await import('./commands/adopt.ts')).registerAdopt,
  run: async () => (await import('./commands/run.ts')).registerRun,
  limits: async () => (await import('./commands/limits.ts')).registerLimits,
  schedule: async () => (await import('./commands/schedule.ts')).registerSchedule,
  status: async () => (await import('./commands/status.ts')).registerStatus,
  tasks: async () => (await import('./commands/tasks.ts')).registerTasks,
  cancel: async () => (await import('./commands/cancel.ts')).registerCancel,
  pause: async () => (await import('./commands/pause.ts')).registerPause,
  resume: async () => (await import('./commands/pause.ts')).registerResume,
  retry: async () => (await import('./commands/retry.ts')).registerRetry,
  resolve: async () => (await import('./commands/resolve.ts')).registerResolve,
  fleet: async () => (await import('./commands/fleet.ts')).registerFleet,
  templates: async () => (await import('./commands/templates.ts')).registerTemplates,
  prune: async () => (await import('./commands/prune.ts')).registerPrune,
  tune: async () => (await import('./commands/tune.ts')).registerTune,
  doctor: async () => (await import('./commands/doctor.ts')).registerDoctor,
};

/** With the command that `words` name; with all of them for help, and for a word that is none. */
export async function createProgram(env: Environment, words: readonly string[]): Promise<Command> {
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
  for (const register of await Promise.all(commandsFor(words))) register(program, contextOf);
  return program;
}

function commandsFor(words: readonly string[]): Promise<Register>[] {
  const named = words.find((word) => !word.startsWith('-')) ?? '';
  const [, load] = Object.entries(COMMANDS).find(([name]) => name === named) ?? [];
  return load ? [load()] : Object.values(COMMANDS).map(async (loadAny) => loadAny());
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
