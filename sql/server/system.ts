// A Postgres that the machine has already: found by the places where distributions put it, since `initdb` is seldom on
// the PATH. The newest one that runs is taken.
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Place } from './place.ts';
import { probeVersion, type Binaries } from './program.ts';

/** The directories to look in, PATH first. */
export function systemDirectories(): string[] {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return [
    ...onPath,
    ...versionsIn('/usr/lib/postgresql', 'bin'), // Debian
    ...versionsIn('/usr', 'bin', /^pgsql-\d+$/), // Red Hat
    ...versionsIn('/opt/homebrew/opt', 'bin', /^postgresql(@\d+)?$/),
    ...versionsIn('/usr/local/opt', 'bin', /^postgresql(@\d+)?$/),
    ...versionsIn('/Applications/Postgres.app/Contents/Versions', 'bin', /^\d+$/),
    ...versionsIn('C:\\Program Files\\PostgreSQL', 'bin'),
  ];
}

function versionsIn(parent: string, below: string, name = /^\d+$/): string[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .filter((entry) => name.test(entry))
    .map((entry) => join(parent, entry, below));
}

/** The newest binaries in these directories that the place's user can run. Throws an Error that says why there are none. */
export async function systemBinaries(directories: readonly string[], place: Place): Promise<Binaries> {
  const found: Binaries[] = [];
  const failures: string[] = [];
  for (const directory of new Set(directories)) {
    const programs = programsIn(directory);
    if (programs === undefined) continue;
    try {
      found.push({ ...programs, version: await probeVersion(programs.postgres, place.user) });
    } catch (error) {
      failures.push(`${programs.postgres}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const [newest] = found.toSorted(
    (one, other) => Number.parseFloat(other.version) - Number.parseFloat(one.version),
  );
  if (newest) return newest;
  throw new Error(
    failures.length > 0
      ? failures.join('; ')
      : 'no initdb and postgres on the PATH or where systems put them',
  );
}

function programsIn(directory: string): Omit<Binaries, 'version'> | undefined {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const [initdb, postgres, pgCtl] = ['initdb', 'postgres', 'pg_ctl'].map((name) =>
    join(directory, name + suffix),
  );
  if (!initdb || !postgres || !pgCtl || !existsSync(initdb) || !existsSync(postgres)) return undefined;
  return { initdb, postgres, pgCtl };
}
