// Handlers in Python and Ruby inside of the engine's process: what the command line says of them, and what it makes of that.
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import type { LogLevel, NativeWorker } from '../bindings/native/native-worker.ts';
import type { Config, ConfigOverrides } from '../core/config.ts';
import { TreadleError } from '../core/errors.ts';
import type { Engine } from '../engine/engine.ts';
import { collect, wholeNumber } from './arguments.ts';
import type { Offers } from './served-here.ts';

export interface NativeFlags {
  /** With what the configuration names, if no other flag says more. */
  readonly native?: boolean;
  readonly nativePython?: readonly string[];
  readonly nativeRuby?: readonly string[];
  readonly nativeOnly?: readonly string[];
  readonly nativeConcurrency?: number;
  readonly nativeDeafLimit?: number;
  readonly pythonEnv?: string;
  /** False: whoever runs this process starts it again. */
  readonly supervise: boolean;
}

const LONGEST_END_MS = 3_000;
/** Each holds a thread, and all that its handler has opened. */
const MOST_DEAF = 8;
/** The exit status of a process that only wants to be started again (EX_TEMPFAIL). */
export const START_AGAIN = 75;

const LEVELS: Readonly<Record<Config['logLevel'], LogLevel>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  error: 'error',
  fatal: 'error',
  silent: 'error',
};

export function addNativeOptions(command: Command): Command {
  return command
    .option('--native', 'run the handlers of TREADLE_NATIVE_PYTHON and TREADLE_NATIVE_RUBY in this process')
    .option('--native-python <modules>', '--native, with these Python modules', collect)
    .option('--native-ruby <files>', '--native, with these Ruby files, folders or libraries', collect)
    .option('--native-only <handlers>', 'of the handlers that are found there, only these', collect)
    .option(
      '--native-concurrency <attempts>',
      'attempts at once in each language (default: 16)',
      wholeNumber(1, 10_000),
    )
    .option(
      '--native-deaf-limit <handlers>',
      'end in order, to be started again, when so many deaf handlers run on (default: 8)',
      wholeNumber(1, 10_000),
    )
    .option(
      '--python-env <folder>',
      'virtual environment of Python handlers in this process (default: VIRTUAL_ENV)',
    )
    .option(
      '--no-supervise',
      'do not start the engine again when a native handler takes the process with it',
    );
}

export function wantsNative({ native = false, nativePython = [], nativeRuby = [] }: NativeFlags): boolean {
  return native || nativePython.length + nativeRuby.length > 0;
}

export function nativeOverridesOf({ nativePython, nativeRuby }: NativeFlags): ConfigOverrides {
  return { nativePython, nativeRuby };
}

/** The languages that run here, with what each of them loads. Throws `invalid_config` when it is asked for and there is nothing. */
export function nativeModules(config: Config, flags: NativeFlags) {
  if (!wantsNative(flags)) return [];
  const languages = [
    ['python', config.nativePython],
    ['ruby', config.nativeRuby],
  ] as const;
  const given = languages.filter(([, modules]) => modules.length > 0);
  if (given.length > 0) return given;
  throw new TreadleError(
    'invalid_config',
    '--native: expected modules in TREADLE_NATIVE_PYTHON or files in TREADLE_NATIVE_RUBY (or --native-python, --native-ruby), came nothing',
  );
}

export class NativeWorkers {
  readonly #workers: NativeWorker[] = [];
  readonly #mostDeaf: number;
  readonly #log: Logger;
  #areTooDeaf = false;

  private constructor({ nativeDeafLimit = MOST_DEAF }: NativeFlags, log: Logger) {
    this.#mostDeaf = nativeDeafLimit;
    this.#log = log;
  }

  /** Those that were asked for, with their handlers loaded. Throws `invalid_config`. */
  static async of(config: Config, flags: NativeFlags, log: Logger): Promise<NativeWorkers> {
    const all = new NativeWorkers(flags, log);
    const workers = all.#workers;
    const languages = nativeModules(config, flags);
    if (languages.length === 0) return all;
    const { NativeWorker } = await import('../bindings/native/native-worker.ts'); // others do without the addon
    for (const [language, modules] of languages) {
      workers.push(
        await NativeWorker.start({
          language,
          modules,
          handlers: flags.nativeOnly,
          concurrency: flags.nativeConcurrency,
          environment: flags.pythonEnv,
          maxResultBytes: config.maxResultBytes,
          logLevel: LEVELS[config.logLevel],
          logJson: true,
          onDeaf: () => all.#countDeaf(),
          log,
        }),
      );
    }
    assertAllFound(flags.nativeOnly ?? [], workers);
    return all;
  }

  /** The process ends for them, in order, and should be started again. */
  get areTooDeaf(): boolean {
    return this.#areTooDeaf;
  }

  /** What it serves in which runtime; empty without one. */
  get offers(): Offers {
    return Object.fromEntries(
      this.#workers.map(({ language, handlers }) => [`native-${language}`, handlers]),
    );
  }

  connect(engine: Engine): void {
    for (const worker of this.#workers) worker.connect(engine);
  }

  /** After the engine, and before the process ends: threads of interpreters would run while libraries are taken down. */
  async stop(): Promise<void> {
    const all = Promise.all(this.#workers.map((worker) => worker.stop()));
    await Promise.race([all, pause(LONGEST_END_MS)]); // C code that never lets go of its interpreter must not keep us
  }

  #countDeaf(): void {
    const count = this.#workers.reduce((sum, { deaf }) => sum + deaf.length, 0);
    if (count < this.#mostDeaf || this.#areTooDeaf) return;
    this.#areTooDeaf = true;
    this.#log.error({ deaf: count }, 'too many native handlers are deaf: ending, to be started again');
    process.kill(process.pid, 'SIGTERM');
  }
}

/** A language serves what it has of them; the other one may have the rest. */
function assertAllFound(names: readonly string[], workers: readonly NativeWorker[]): void {
  const found = new Set(workers.flatMap(({ handlers }) => handlers));
  const missing = names.filter((name) => !found.has(name));
  if (missing.length === 0) return;
  throw new TreadleError(
    'invalid_config',
    `--native-only: expected handlers of the modules, came ${missing.join(', ')}, which none of them has`,
  );
}
