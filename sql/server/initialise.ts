// Makes the files of a new cluster. initdb works beside the real place and a rename ends it, so a data directory is
// whole or absent: what a killed initdb left is thrown away by the next one.
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { run, type Binaries, type ServerUser } from './program.ts';

export const SUPERUSER = 'postgres';
/** Postgres 17 brought a collation provider that needs no help from the operating system. */
const BUILTIN_PROVIDER_SINCE = 17;

/** The files of one cluster. All belong to the server's user and nobody else can read them. */
export interface ClusterFiles {
  readonly home: string;
  readonly data: string;
  readonly log: string;
  readonly password: string;
  readonly port: string;
  readonly lock: string;
}

export function clusterFiles(home: string): ClusterFiles {
  return {
    home,
    data: join(home, 'data'),
    log: join(home, 'postgres.log'),
    password: join(home, 'password'),
    port: join(home, 'port'),
    lock: join(home, 'lock'),
  };
}

export interface InitialiseOptions {
  readonly files: ClusterFiles;
  readonly binaries: Binaries;
  readonly user: ServerUser | undefined;
  /** False leaves out the fsync of the new files: for clusters that a crash may take. */
  readonly durable: boolean;
}

/** The home of a cluster, made when missing and handed to the server's user. Refuses one that is another user's. */
export function makeHome(home: string, user: ServerUser | undefined): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const { uid } = statSync(home);
  if (user === undefined && process.getuid !== undefined && uid !== process.getuid()) {
    throw new Error(`${home} belongs to uid ${uid}: run as that user or as root, or remove the directory`);
  }
  if (user && uid === 0) chownSync(home, user.uid, user.gid);
}

/** Runs initdb unless the cluster exists. The caller holds the lock. True when it made one. */
export async function initialise(options: InitialiseOptions): Promise<boolean> {
  const { files, binaries, user, durable } = options;
  if (existsSync(files.data)) return false;
  for (const name of readdirSync(files.home)) {
    if (name.startsWith('data.new-')) rmSync(join(files.home, name), { recursive: true, force: true });
  }
  makePassword(files.password, user);
  const unfinished = `${files.data}.new-${process.pid}`;
  await run(binaries.initdb, initdbArguments(unfinished, files.password, binaries.version, durable), user);
  renameSync(unfinished, files.data);
  return true;
}

/**
 * Other users of this machine can reach the port, so there is a password. Databases speak UTF8 and sort by code point on
 * every machine alike; `builtin` also knows upper and lower case beyond ASCII, which the C locale of older ones does not.
 */
function initdbArguments(data: string, password: string, version: string, durable: boolean): string[] {
  const builtin = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  return [
    `--pgdata=${data}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${password}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    ...(Number.parseInt(version, 10) >= BUILTIN_PROVIDER_SINCE ? builtin : []),
    ...(durable ? [] : ['--no-sync']),
  ];
}

/** Kept when it exists: a cluster that is made anew keeps its URL. */
function makePassword(file: string, user: ServerUser | undefined): void {
  if (existsSync(file) && readFileSync(file, 'utf8') !== '') return;
  writeFileSync(file, randomBytes(24).toString('hex'), { mode: 0o600 });
  if (user) chownSync(file, user.uid, user.gid);
}
