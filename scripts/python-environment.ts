// The virtual environment in .treadle/python: made once for what bindings/python asks for, by one process at a time. It is
// ready when its stamp is there; whoever is killed while making it leaves none, and the next one begins anew.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lock } from './file-lock.ts';
import { run } from './programs.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGE = join(ROOT, 'bindings', 'python');
const HOME = join(ROOT, '.treadle', 'python');
/** Its tests hold it to mypy, which is not in the extra `test`. */
const EXTRA = 'dev';
const LONGEST_WAIT_MS = 300_000;
/** pip in a loop would wait for a network that is not there. */
const PIP = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];

/** The program of the environment. Throws in one line when it is not there and may not or cannot be made. */
export async function ensureEnvironment(base: string, mayMake: boolean): Promise<string> {
  const folder = join(HOME, await keyOf(base));
  const program = join(
    folder,
    ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']),
  );
  if (isReady(folder)) return program;
  if (!mayMake) throw new Error(`no virtual environment for bindings/python in ${HOME}: npm test makes it`);
  mkdirSync(HOME, { recursive: true });
  const unlock = await lock(`${folder}.lock`, LONGEST_WAIT_MS);
  try {
    if (!isReady(folder)) await make(base, folder, program);
  } finally {
    unlock();
  }
  return program;
}

function isReady(folder: string): boolean {
  return existsSync(join(folder, 'ready'));
}

/** Another Python, other requirements or another place of the project: another environment. */
async function keyOf(base: string): Promise<string> {
  const { said } = await run(base, ['-c', 'import sys; print(sys.executable, sys.version)']);
  const hash = createHash('sha256').update(said).update(PACKAGE).update(EXTRA);
  const files = readdirSync(PACKAGE).filter(
    (file) => file === 'pyproject.toml' || /^requirements.*\.txt$/.test(file),
  );
  for (const file of files.toSorted()) hash.update(readFileSync(join(PACKAGE, file)));
  return hash.digest('hex').slice(0, 16);
}

async function make(base: string, folder: string, program: string): Promise<void> {
  console.error('toolchains: making a virtual environment for bindings/python, some 20 seconds ...');
  rmSync(folder, { recursive: true, force: true });
  await step(base, ['-m', 'venv', folder]);
  await step(program, [...PIP, '--editable', `${PACKAGE}[${EXTRA}]`]);
  writeFileSync(join(folder, 'ready'), '');
}

async function step(program: string, args: readonly string[]): Promise<void> {
  const { ok, said } = await run(program, args);
  if (ok) return;
  const lines = said.trim().split('\n');
  const line = lines.findLast((each) => /\w+Error: |^ERROR: /.test(each.trim())) ?? lines.at(-1) ?? '';
  throw new Error(`no virtual environment for bindings/python: ${line.trim()}`);
}
