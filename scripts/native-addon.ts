// Builds the native addon (bindings/native) of a language with cargo, for tests, benchmarks and `npm run build:native`. It is
// built once for the same sources and the same interpreter; a library that somebody has loaded is replaced, never overwritten.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lock } from './file-lock.ts';
import { run } from './programs.ts';
import { installed, type Missing, type ToolchainOptions } from './toolchains.ts';

export type NativeLanguage = 'python' | 'ruby';

export interface NativeAddonOptions extends ToolchainOptions {
  /** The Python or Ruby that it hosts. Default: the one of the machine. */
  readonly interpreter?: string;
  /** `quick` builds in half the time; `release` runs a little faster. */
  readonly profile?: 'quick' | 'release';
  /** Also when there is one for these sources. */
  readonly always?: boolean;
}

export type NativeAddon = { readonly ok: true; readonly file: string } | Missing;

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CRATE = join(ROOT, 'bindings', 'native');
const WORKSHOP = join(ROOT, '.treadle', 'native');
const LONGEST_WAIT_MS = 600_000;

interface Requirements {
  readonly interpreters: readonly string[];
  readonly flag: string;
  /** Writes what the build depends on; fails with one line that says what is missing. */
  readonly check: string;
  readonly packages: readonly string[];
}

const REQUIREMENTS: Readonly<Record<NativeLanguage, Requirements>> = {
  python: {
    interpreters: [process.env['PYO3_PYTHON'] ?? 'python3', '/usr/bin/python3'],
    flag: '-c',
    check: [
      'import os, sys, sysconfig',
      'library = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("LDLIBRARY") or "")',
      'shared = sysconfig.get_config_var("Py_ENABLE_SHARED") or sysconfig.get_config_var("PYTHONFRAMEWORK")',
      'sys.exit("no shared libpython: " + library) if not shared or not os.path.exists(library) else print(sys.version, library)',
    ].join('\n'),
    packages: ['libpython3-dev'],
  },
  ruby: {
    interpreters: [process.env['RUBY'] ?? 'ruby', '/usr/bin/ruby'],
    flag: '-e',
    check: [
      'require "rbconfig"',
      'header = File.join(RbConfig::CONFIG["rubyhdrdir"], "ruby.h")',
      'abort "no headers of Ruby: #{header}" unless File.exist?(header)',
      'abort "this Ruby has no shared library" unless RbConfig::CONFIG["ENABLE_SHARED"] == "yes"',
      'clang = Dir["/usr/lib/llvm-*/lib/libclang*.so*", "/usr/lib/*-linux-gnu/libclang*.so*"].any? || RUBY_PLATFORM.include?("darwin")',
      'abort "no libclang" unless clang || ENV["LIBCLANG_PATH"]',
      'puts RUBY_DESCRIPTION, RbConfig::CONFIG["libdir"]',
    ].join('\n'),
    packages: ['ruby-dev', 'libclang-dev'],
  },
};

/** Never rejects; what it cannot do it says in one line. The first build takes a minute. */
export async function nativeAddon(
  language: NativeLanguage,
  options: NativeAddonOptions = {},
): Promise<NativeAddon> {
  const interpreter = await interpreterFor(language, options);
  if (!interpreter.ok) return interpreter;
  const cargo = await cargoFor(options);
  if (cargo === undefined) {
    return missing(
      language,
      'no cargo: install Rust 1.85 or newer (https://rustup.rs, or cargo-web of Debian 12)',
    );
  }
  const file = join(CRATE, `treadle-native-${language}.${platform()}.node`);
  mkdirSync(WORKSHOP, { recursive: true });
  try {
    const unlock = await lock(join(WORKSHOP, `${language}.lock`), LONGEST_WAIT_MS);
    try {
      await buildUnlessFresh(language, file, interpreter, cargo, options);
    } finally {
      unlock();
    }
    return { ok: true, file };
  } catch (error) {
    return missing(language, error instanceof Error ? error.message : String(error));
  }
}

interface Interpreter {
  readonly ok: true;
  readonly program: string;
  readonly facts: string;
}

async function interpreterFor(
  language: NativeLanguage,
  options: NativeAddonOptions,
): Promise<Interpreter | Missing> {
  const { interpreters, flag, check, packages } = REQUIREMENTS[language];
  const candidates = options.interpreter === undefined ? interpreters : [options.interpreter];
  let why = '';
  for (const attempt of ['as it is', 'with packages'] as const) {
    if (attempt === 'with packages' && !(await installed(packages, options))) break;
    for (const program of candidates) {
      const { ok, said } = await run(program, [flag, check]);
      if (ok && said !== '') return { ok, program, facts: said };
      why ||= said.trim().split('\n').at(-1) ?? '';
    }
  }
  return missing(language, `${why}: on Debian, apt-get install ${packages.join(' ')}`);
}

/** What cargo says of its version. Debian's package named cargo is older than what the crates ask for, its cargo-web is not. */
async function cargoFor(options: NativeAddonOptions): Promise<string | undefined> {
  const version = () => run('cargo', ['--version']);
  let cargo = await version();
  if (!cargo.ok && (await installed(['cargo-web', 'gcc', 'libc6-dev'], options))) cargo = await version();
  return cargo.ok ? cargo.said : undefined;
}

async function buildUnlessFresh(
  language: NativeLanguage,
  file: string,
  { program, facts }: Interpreter,
  cargo: string,
  { profile = 'quick', always = false }: NativeAddonOptions,
): Promise<void> {
  const stampFile = join(WORKSHOP, `${language}.stamp`);
  const stamp = createHash('sha256').update(`${facts}${cargo}${sourcesHash()}`).digest('hex');
  if (!always && existsSync(file) && textOf(stampFile) === stamp) return;
  rmSync(stampFile, { force: true });
  await build(language, program, profile, file);
  writeFileSync(stampFile, stamp);
}

async function build(
  language: NativeLanguage,
  interpreter: string,
  profile: string,
  file: string,
): Promise<void> {
  console.error(`native: building the addon for ${language}, about a minute the first time ...`);
  const output = join(WORKSHOP, `${language}-out`);
  const napi = join(dirname(createRequire(import.meta.url).resolve('@napi-rs/cli')), 'cli.js');
  const folders = ['--cwd', CRATE, '--target-dir', join(WORKSHOP, language), '--output-dir', output];
  const what = [
    '--platform',
    '--no-js',
    '--no-default-features',
    '--features',
    language,
    '--profile',
    profile,
  ];
  const environment = language === 'python' ? { PYO3_PYTHON: interpreter } : { RUBY: interpreter };
  const cargo = process.env['CI'] === 'true' ? ['--', '--locked'] : [];
  const { ok, said } = await run(
    process.execPath,
    [napi, 'build', ...folders, ...what, ...cargo],
    environment,
  );
  if (!ok) throw new Error(`cargo could not build it: ${reasonIn(said)}`);
  const built = readdirSync(output).find((name) => name.endsWith('.node'));
  if (built === undefined) throw new Error(`no library in ${output} after the build`);
  renameSync(join(output, built), file);
}

/** The first error, and not what follows from it. */
function reasonIn(said: string): string {
  const lines = said.split('\n').map((line) => line.trim());
  return lines.find((line) => line.startsWith('error')) ?? lines.findLast((line) => line !== '') ?? '';
}

function sourcesHash(): string {
  const hash = createHash('sha256');
  const sources = readdirSync(join(CRATE, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.r[sb]$/.test(name))
    .map((name) => join('src', name));
  for (const name of ['Cargo.toml', 'Cargo.lock', 'build.rs', ...sources.toSorted()]) {
    hash.update(name).update(readFileSync(join(CRATE, name)));
  }
  return hash.digest('hex');
}

function textOf(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function platform(): string {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === 'linux' ? `${name}-gnu` : name;
}

function missing(language: NativeLanguage, why: string): Missing {
  return { ok: false, why: `no native addon for ${language}: ${why}` };
}
