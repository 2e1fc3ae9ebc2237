// Where the files of embedded clusters live: in the project's data directory, or, when the server's user cannot get
// there (root in /root/project), in a directory of the system's temporary folder that a link in the project points to.
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readlinkSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { serverUser, type ServerUser } from './program.ts';

export interface Place {
  /** Holds `postgres-<major>/` and, when needed, a copy of the binaries. */
  readonly directory: string;
  /** Undefined: the server runs as ourselves. */
  readonly user: ServerUser | undefined;
}

/** The link in the data directory that leads to a cluster kept elsewhere. */
const LINK = 'postgres';

/** Finds the place that belongs to `dataDir`: the same one on every call, made when missing. */
export function placeOf(dataDir: string, onProgress: (line: string) => void): Place {
  mkdirSync(dataDir, { recursive: true });
  const directory = realpathSync(dataDir);
  const user = serverUser(directory);
  if (user === undefined || canReach(directory, user)) return { directory, user };
  const elsewhere = linkedDirectory(directory);
  if (makeOwnDirectory(elsewhere)) {
    onProgress(
      `uid ${user.uid}, who runs Postgres for root, cannot enter ${directory}: its files go to ${elsewhere}`,
    );
  }
  return { directory: elsewhere, user };
}

/** Whether `user` may pass through every directory down to this one. */
function canReach(directory: string, user: ServerUser): boolean {
  const { uid, gid, mode } = statSync(directory);
  const execute = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  const parent = dirname(directory);
  return (mode & execute) !== 0 && (parent === directory || canReach(parent, user));
}

/** What the link says; without one, a name made from the path of the project, which is then written down in the link. */
function linkedDirectory(dataDir: string): string {
  const link = join(dataDir, LINK);
  if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) return readlinkSync(link);
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const elsewhere = join(realpathSync(tmpdir()), `treadle-${hash}`);
  rmSync(link, { force: true });
  try {
    symlinkSync(elsewhere, link);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error; // a second starter made it
  }
  return elsewhere;
}

/** True when the directory is new. Everybody can write in a temporary folder, so one that is not ours is refused. */
function makeOwnDirectory(directory: string): boolean {
  const isNew = mkdirSync(directory, { recursive: true, mode: 0o755 }) !== undefined;
  const stats = lstatSync(directory);
  if (!stats.isDirectory() || stats.uid !== process.getuid?.()) {
    throw new Error(`${directory} exists and is not a directory of ours: remove it, or set DATABASE_URL`);
  }
  return isNew;
}
