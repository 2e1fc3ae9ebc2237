// One attempt to start the server on a data directory. It runs in a session of its own: Ctrl-C in a terminal reaches
// Node alone, which stops things in order, and a killed Node leaves a server that the next start takes over.
import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync, closeSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterFiles } from './initialise.ts';
import { choosePort } from './port.ts';
import { readPostmaster } from './postmaster.ts';
import { serverEnvironment, type Binaries, type ServerUser } from './program.ts';

const POLL_MS = 10;
/** Recovery after a crash replays the log first, which can take a while. */
const READY_MS = 60_000;
const LOG_LINES = 12;
/** A longer log is put aside at the next start. */
const LOG_BYTES = 10_000_000;

/** The server ended before it was ready. The message holds the last lines of its log. */
export class LaunchError extends Error {
  /** True when waiting can help: the last server is still dying, or somebody took the port a moment ago. */
  readonly passing: boolean;

  constructor(message: string) {
    super(message);
    this.name = 'LaunchError';
    this.passing = /lock file "postmaster\.pid"|shared memory block|Address already in use/.test(message);
  }
}

export interface LaunchOptions {
  readonly files: ClusterFiles;
  readonly binaries: Binaries;
  readonly user: ServerUser | undefined;
  /** More arguments for `postgres`, for example `['-c', 'fsync=off']`. */
  readonly flags: readonly string[];
}

/** Starts the server and resolves when it accepts connections. Throws LaunchError. */
export async function launch(options: LaunchOptions): Promise<void> {
  const { files } = options;
  const port = await choosePort(files.port);
  const log = openLog(files.log, options.user);
  const logStart = statSync(files.log).size;
  const child = spawnServer(options, port, log);
  closeSync(log);
  const failure = await readyOrFailure(child, files.data);
  if (failure) throw new LaunchError(`${failure}:\n${logTail(files.log, logStart)}`.trim());
  writeFileSync(files.port, String(port));
}

function openLog(file: string, user: ServerUser | undefined): number {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES) renameSync(file, `${file}.old`);
  const log = openSync(file, 'a', 0o600);
  if (user) chownSync(file, user.uid, user.gid);
  return log;
}

function spawnServer(options: LaunchOptions, port: number, log: number): ChildProcess {
  const { binaries, files, user, flags } = options;
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '', // their paths may have 107 bytes at most, projects lie deeper
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
  };
  const configuration = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(binaries.postgres, ['-D', files.data, '-p', String(port), ...configuration, ...flags], {
    cwd: dirname(binaries.postgres), // ours may be closed to the server's user
    env: serverEnvironment(),
    detached: true,
    windowsHide: true,
    stdio: ['ignore', log, log],
    ...user,
  });
  child.unref();
  return child;
}

/** Undefined when the server is ready, else a sentence. */
async function readyOrFailure(child: ChildProcess, data: string): Promise<string | undefined> {
  let failure: string | undefined;
  child.once('error', (error) => (failure = `postgres could not be run: ${error.message}`));
  child.once('exit', (code, signal) => (failure = `postgres ended with ${signal ?? `exit status ${code}`}`));
  const deadline = Date.now() + READY_MS;
  while (failure === undefined) {
    const found = readPostmaster(data);
    if (found !== undefined && found.pid === child.pid && found.status === 'ready') return undefined;
    if (Date.now() > deadline) {
      child.kill('SIGQUIT');
      return `postgres was not ready after ${READY_MS / 1000} s`;
    }
    await delay(POLL_MS);
  }
  return failure;
}

/** The last lines that this attempt wrote. */
function logTail(file: string, from: number): string {
  return readFileSync(file).subarray(from).toString('utf8').trim().split('\n').slice(-LOG_LINES).join('\n');
}
