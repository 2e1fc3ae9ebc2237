// Where Python and Ruby come from, for tests, the demo and benchmarks: a virtual environment of our own under .treadle/python
// with bindings/python in it, and a Ruby of the machine that has gRPC. Nothing is installed but what the caller allows.
import { fileURLToPath } from 'node:url';
import { run } from './programs.ts';
import { ensureEnvironment } from './python-environment.ts';

export interface ToolchainOptions {
  /**
   * `nothing`: take what is there. `venv-only` (default): make the virtual environment, which harms nobody. `packages`: as
   * root on Debian also install packages of the system.
   */
  readonly install?: 'nothing' | 'venv-only' | 'packages';
}

/** Why there is none, in one line that says what a person can do. */
export interface Missing {
  readonly ok: false;
  readonly why: string;
}
/** `python` is the program of the environment: `python -m treadle.worker` runs a worker. */
export type Python = { readonly ok: true; readonly python: string } | Missing;
/** `ruby` has grpc and pg: `ruby -I bindings/ruby/lib bindings/ruby/exe/treadle-worker` runs a worker. */
export type Ruby = { readonly ok: true; readonly ruby: string } | Missing;

const PYTHONS = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', '/usr/bin/python3'];
const NEW_ENOUGH_PYTHON = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))';
const PYTHON_PACKAGES = ['python3', 'python3-venv', 'python3-pip'];

const RUBIES = ['ruby', '/usr/bin/ruby'];
const NEW_ENOUGH_RUBY = "exit 1 if RUBY_VERSION < '3.1'";
const RUBY_LIBRARIES = [
  'grpc',
  'google/protobuf',
  'google/rpc/error_details_pb',
  'pg',
  'active_record',
  'faraday',
  'minitest',
];
const RUBY_PACKAGES = [
  'ruby',
  'ruby-grpc',
  'ruby-google-protobuf',
  'ruby-googleapis-common-protos-types',
  'ruby-pg',
  'ruby-activerecord',
  'ruby-faraday',
  'ruby-minitest',
];

/** Somebody else may be installing. */
const APT_INSTALL = ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120'];

/** Python >= 3.10 with the package and its extra `dev`. The first time it takes some 20 seconds, and says so. */
export async function python(options: ToolchainOptions = {}): Promise<Python> {
  const base = await having(PYTHONS, '-c', NEW_ENOUGH_PYTHON, () => installed(PYTHON_PACKAGES, options));
  if (base === undefined) {
    return missing(
      `no Python >= 3.10 with venv and pip: on Debian, apt-get install ${PYTHON_PACKAGES.join(' ')}`,
    );
  }
  try {
    return { ok: true, python: await ensureEnvironment(base, options.install !== 'nothing') };
  } catch (error) {
    return missing(error instanceof Error ? error.message : String(error));
  }
}

/** Ruby >= 3.1 that can speak gRPC and Postgres. */
export async function ruby(options: ToolchainOptions = {}): Promise<Ruby> {
  return rubyWith(RUBY_LIBRARIES, RUBY_PACKAGES, options);
}

/** The same, with Sidekiq and ActiveJob: `ruby -S sidekiq` runs its worker. */
export async function sidekiq(options: ToolchainOptions = {}): Promise<Ruby> {
  const libraries = [...RUBY_LIBRARIES, 'sidekiq', 'active_job'];
  return rubyWith(libraries, [...RUBY_PACKAGES, 'ruby-sidekiq', 'ruby-activejob'], options);
}

/** The same, with Bundler and what a Rails application is made of: `bin/rails runner` works. */
export async function railties(options: ToolchainOptions = {}): Promise<Ruby> {
  const libraries = [...RUBY_LIBRARIES, 'bundler', 'logger', 'rails'];
  return rubyWith(libraries, [...RUBY_PACKAGES, 'ruby-railties'], options);
}

async function rubyWith(
  libraries: readonly string[],
  packages: readonly string[],
  options: ToolchainOptions,
): Promise<Ruby> {
  const check = [NEW_ENOUGH_RUBY, ...libraries.map((library) => `require '${library}'`)].join('; ');
  const found = await having(RUBIES, '-e', check, () => installed(packages, options));
  if (found !== undefined) return { ok: true, ruby: found };
  return missing(
    `no Ruby >= 3.1 with ${libraries.join(', ')}: on Debian, apt-get install ${packages.join(' ')}`,
  );
}

/** The first of the programs that runs this well; after `install` has installed something they are asked again. */
async function having(
  programs: readonly string[],
  flag: string,
  check: string,
  install: () => Promise<boolean>,
): Promise<string | undefined> {
  for (const program of programs) {
    if ((await run(program, [flag, check])).ok) return program;
  }
  return (await install()) ? having(programs, flag, check, () => Promise.resolve(false)) : undefined;
}

/** Whether packages were installed. Only where nobody minds: as root, and when it was asked for. */
export async function installed(
  packages: readonly string[],
  { install }: ToolchainOptions,
): Promise<boolean> {
  if (install !== 'packages' || process.getuid?.() !== 0 || !(await run('apt-get', ['--version'])).ok)
    return false;
  console.error(`toolchains: installing ${packages.join(' ')} with apt-get ...`);
  const apt = () => run('apt-get', [...APT_INSTALL, ...packages], { DEBIAN_FRONTEND: 'noninteractive' });
  if ((await apt()).ok) return true;
  await run('apt-get', ['update', '-q']); // the lists are old, or not there
  const { ok, said } = await apt();
  if (!ok) console.error(`toolchains: apt-get failed: ${said.trim().split('\n').at(-1) ?? ''}`);
  return ok;
}

function missing(why: string): Missing {
  return { ok: false, why };
}

/** `tsx scripts/toolchains.ts` sets up all of it, and says what there is. */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [forPython, forRuby] = [
    await python({ install: 'packages' }),
    await sidekiq({ install: 'packages' }),
  ];
  console.log(`python: ${forPython.ok ? forPython.python : forPython.why}`);
  console.log(`ruby: ${forRuby.ok ? forRuby.ruby : forRuby.why}`);
  const forRails = await railties({ install: 'packages' });
  console.log(`rails: ${forRails.ok ? forRails.ruby : forRails.why}`);
}
