// Handlers in Python and Ruby inside of the engine's process: what the command line says of them, and what it makes of that.
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import type { LogLevel, NativeWorker } from '../bindings/native/native-worker.ts';
import type { Config } from '../core/config.ts';
import { TreadleError } from '../core/errors.ts';
import type { Engine } from '../engine/engine.ts';
import { collect, wholeNumber } from './arguments.ts';

export interface NativeFlags {
  readonly nativePython?: readonly string[];
  readonly nativeRuby?: readonly string[];
  readonly nativeOnly?: readonly string[];
  readonly nativeConcurrency?: number;
  readonly pythonEnv?: string;
  /** False: whoever runs this process starts it again. */
  readonly supervise: boolean;
}

const LONGEST_END_MS = 3_000;

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
    .option('--native-python <modules>', 'run the handlers of these Python modules in this process', collect)
    .option('--native-ruby <files>', 'run the handlers of these Ruby files in this process', collect)
    .option('--native-only <handlers>', 'of the handlers that are found there, only these', collect)
    .option(
      '--native-concurrency <attempts>',
      'attempts at once in each language (default: 16)',
      wholeNumber(1, 10_000),
    )
    .option('--python-env <folder>', 'virtual environment of --native-python (default: VIRTUAL_ENV)')
    .option(
      '--no-supervise',
      'do not start the engine again when a native handler takes the process with it',
    );
}

export function wantsNative({ nativePython = [], nativeRuby = [] }: NativeFlags): boolean {
  return nativePython.length + nativeRuby.length > 0;
}

export class NativeWorkers {
  readonly #workers: readonly NativeWorker[];

  private constructor(workers: readonly NativeWorker[]) {
    this.#workers = workers;
  }

  /** Those that were asked for, with their handlers loaded. Throws `invalid_config`. */
  static async of(config: Config, flags: NativeFlags, log: Logger): Promise<NativeWorkers> {
    if (!wantsNative(flags)) return new NativeWorkers([]);
    const { NativeWorker } = await import('../bindings/native/native-worker.ts'); // others do without the addon
    const workers: NativeWorker[] = [];
    for (const [language, modules] of languagesOf(flags)) {
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
          log,
        }),
      );
    }
    assertAllFound(flags.nativeOnly ?? [], workers);
    return new NativeWorkers(workers);
  }

  get handlers(): readonly string[] {
    return this.#workers.flatMap(({ handlers }) => handlers);
  }

  connect(engine: Engine): void {
    for (const worker of this.#workers) worker.connect(engine);
  }

  /** After the engine, and before the process ends: threads of interpreters would run while libraries are taken down. */
  async stop(): Promise<void> {
    const all = Promise.all(this.#workers.map((worker) => worker.stop()));
    await Promise.race([all, pause(LONGEST_END_MS)]); // C code that never lets go of its interpreter must not keep us
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

function languagesOf({ nativePython = [], nativeRuby = [] }: NativeFlags) {
  const languages = [
    ['python', nativePython],
    ['ruby', nativeRuby],
  ] as const;
  return languages.filter(([, modules]) => modules.length > 0);
}
