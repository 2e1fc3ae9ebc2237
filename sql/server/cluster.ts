// A cluster of our own: made once, started when nobody has, shared by all processes of a project. Each of them holds a
// connection as its lease, which dies with it; whoever gives the last one back stops the server.
import { readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { connect, countOtherLeases, ensureDatabase, LEASE } from './connection.ts';
import { clusterFiles, initialise, makeHome, SUPERUSER, type ClusterFiles } from './initialise.ts';
import { launch, LaunchError } from './launch.ts';
import { withLock } from './lock.ts';
import { isServerOf, pidFile, processExists, readPostmaster, type Postmaster } from './postmaster.ts';
import { run, type Binaries, type ServerUser } from './program.ts';

const POLL_MS = 20;
/** How long a start is tried again: a killed server's pid can outlive it for about a second. */
const PATIENCE_MS = 5000;
/** How long a server of ours may take to be ready, or gone. */
const SETTLING_MS = 60_000;
/** A fast shutdown writes a checkpoint; after this the server is told to drop everything, which loses nothing either. */
const FAST_STOP_MS = 20_000;

export interface ClusterOptions {
  readonly binaries: Binaries;
  /** The directory that holds this project's clusters; each major version of Postgres gets one of its own in it. */
  readonly directory: string;
  readonly user: ServerUser | undefined;
  /** Created when missing. */
  readonly database: string;
  readonly flags: readonly string[];
  readonly onProgress: (line: string) => void;
}

export interface Cluster {
  readonly url: string;
  /** Where its data, log and password are. */
  readonly home: string;
  /** Gives the lease back; the server stops when it was the last one. */
  readonly stop: () => Promise<void>;
}

/** Starts the cluster, or joins the one that runs, and makes sure that the database exists. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const files = clusterFiles(
    join(options.directory, `postgres-${Number.parseInt(options.binaries.version, 10)}`),
  );
  makeHome(files.home, options.user);
  return withLock(files.lock, async () => {
    const lease = await joinOrStart(options, files);
    try {
      await ensureDatabase(lease, options.database);
    } catch (error) {
      await giveBack(lease, files, options.binaries);
      throw error;
    }
    const { port } = lease;
    streamOf(lease).unref(); // the lease alone must not keep a program from ending
    let stopping: Promise<void> | undefined;
    return {
      url: urlOf(files, port, options.database),
      home: files.home,
      stop: () => (stopping ??= withLock(files.lock, () => giveBack(lease, files, options.binaries))),
    };
  });
}

async function joinOrStart(options: ClusterOptions, files: ClusterFiles): Promise<pg.Client> {
  const { binaries, user, flags, onProgress } = options;
  const durable = !flags.includes('fsync=off');
  if (await initialise({ files, binaries, user, durable })) {
    onProgress(`made a Postgres ${binaries.version} cluster in ${files.home}`);
  }
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const joined = await joinRunning(files);
    if (joined) return joined;
    try {
      await launch({ files, binaries, user, flags });
      onProgress(`started Postgres ${binaries.version}, log in ${files.log}`);
    } catch (error) {
      if (!(error instanceof LaunchError && error.passing) || Date.now() > deadline) throw error;
      await delay(POLL_MS * 5);
    }
  }
}

/** The lease on a running server. Undefined when none runs and one can be started. */
async function joinRunning(files: ClusterFiles): Promise<pg.Client | undefined> {
  for (const deadline = Date.now() + SETTLING_MS; ;) {
    const found = readPostmaster(files.data);
    if (found === undefined) return undefined;
    if (!isServerOf(files.data, found.pid)) {
      removeForeignPidFile(files, found);
      return undefined;
    }
    if (found.status === 'ready') {
      const lease = await leaseOn(files, found);
      if (lease !== 'nobody there') return lease;
      rmSync(pidFile(files.data), { force: true }); // the pid is another cluster's by now
      return undefined;
    }
    if (Date.now() > deadline)
      throw new Error(`the server with pid ${found.pid} keeps ${found.status} in ${files.home}`);
    await delay(POLL_MS); // it is starting or stopping: either ends by itself
  }
}

/** Postgres removes a pid file with a dead pid by itself, but refuses one with a zombie's or another program's pid. */
function removeForeignPidFile(files: ClusterFiles, found: Postmaster): void {
  if (processExists(found.pid)) rmSync(pidFile(files.data), { force: true });
}

/** A server that says `ready` listens, so a refused connection proves that the pid file is not its own. */
async function leaseOn(files: ClusterFiles, { port }: Postmaster): Promise<pg.Client | 'nobody there'> {
  for (const deadline = Date.now() + PATIENCE_MS; ;) {
    try {
      return await connect(urlOf(files, port, 'postgres'), LEASE);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'ECONNREFUSED') return 'nobody there';
      if (code !== '57P03' || Date.now() > deadline) throw error; // 57P03: recovering after a crash of a backend
      await delay(POLL_MS);
    }
  }
}

/** The driver's socket, which its types leave out. */
function streamOf(client: pg.Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

function urlOf(files: ClusterFiles, port: number, database: string): string {
  const password = readFileSync(files.password, 'utf8');
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}

/** The caller holds the lock, so nobody can join between the count and the signal. */
async function giveBack(lease: pg.Client, files: ClusterFiles, binaries: Binaries): Promise<void> {
  streamOf(lease).ref();
  const others = await countOtherLeases(lease);
  await lease.end().catch(() => {});
  const running = readPostmaster(files.data);
  if (others > 0 || running === undefined || !isServerOf(files.data, running.pid)) return;
  if (process.platform === 'win32') {
    await run(binaries.pgCtl, ['stop', '-D', files.data, '-m', 'fast']); // Windows has no signals to send
    return;
  }
  await shutDown(files.data, running.pid);
}

async function shutDown(data: string, pid: number): Promise<void> {
  process.kill(pid, 'SIGINT');
  const deadline = Date.now() + FAST_STOP_MS;
  let insisted = false;
  while (isServerOf(data, pid)) {
    if (!insisted && Date.now() > deadline) {
      process.kill(pid, 'SIGQUIT');
      insisted = true;
    }
    await delay(POLL_MS / 2);
  }
}
