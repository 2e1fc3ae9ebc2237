// Finds the addon of a language: our own build beside this file, else the prebuilt package of this platform. Nothing of it is
// loaded before somebody asks, and a missing one is one line that says what to do.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { TreadleError } from '../../core/errors.ts';

export type NativeLanguage = 'python' | 'ruby';

/** As src/lib.rs has it. */
export interface AddonHost {
  send(lane: number, message: Uint8Array): void;
  stop(): void;
}

interface Addon {
  readonly Host: new (
    language: NativeLanguage,
    environment: string | undefined,
    options: string,
    onAnswers: (answers: readonly (number | Buffer)[]) => void,
  ) => AddonHost;
}

const require = createRequire(import.meta.url);

/** @throws TreadleError `invalid_config` */
export function loadAddon(language: NativeLanguage): Addon {
  const file = `treadle-native-${language}.${platform()}.node`;
  const path = ownBuild(file) ?? prebuilt(file);
  if (path === undefined) {
    throw unusable(
      language,
      `is not there: npm install @treadle/native-${platform()}, or in a checkout npm run build:native`,
    );
  }
  try {
    return require(path) as Addon;
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw unusable(
      language,
      `cannot be loaded (${reason}): it needs the shared library of ${language}`,
      cause,
    );
  }
}

/** As in the names of prebuilt packages: `linux-x64-gnu`, `darwin-arm64`. */
function platform(): string {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === 'linux' ? `${name}-gnu` : name;
}

function ownBuild(file: string): string | undefined {
  const path = join(import.meta.dirname, file);
  return existsSync(path) ? path : undefined;
}

function prebuilt(file: string): string | undefined {
  try {
    return require.resolve(`@treadle/native-${platform()}/${file}`);
  } catch {
    return undefined;
  }
}

function unusable(language: NativeLanguage, what: string, cause?: unknown): TreadleError {
  return new TreadleError('invalid_config', `the native addon for ${language} ${what}`, { cause });
}
