// Throw-away projects and clusters for the tests of the launcher: whatever a test leaves running ends with it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { connect } from '../../sql/server/connection.ts';
import { isServerOf, readPostmaster } from '../../sql/server/postmaster.ts';
import { resolvePostgres, type PostgresOptions, type PostgresServer } from '../../sql/server/resolve.ts';

/**
 * The path of a new directory (with a space in it) that everybody may enter; `.treadle` in it is the data directory.
 * `atEnd` says whose end it lives to: the test's, or with `afterAll` the file's.
 */
export function newProject(atEnd: (remove: () => void) => void = onTestFinished): string {
  const parent = realpathSync(mkdtempSync(join(tmpdir(), 'treadle project ')));
  chmodSync(parent, 0o755);
  const project = join(parent, 'my project');
  mkdirSync(project);
  atEnd(() => rmSync(parent, { recursive: true, force: true }));
  return project;
}

export interface StartedServer extends PostgresServer {
  readonly home: string;
}

/** Starts or joins the cluster of a project, without fsync unless told otherwise. */
export async function startIn(
  project: string,
  options: Partial<PostgresOptions> = {},
): Promise<StartedServer> {
  const postgresFlags = ['-c', 'fsync=off'];
  const server = await resolvePostgres({ dataDir: join(project, '.treadle'), postgresFlags, ...options });
  const { home } = server;
  if (home === undefined) throw new Error(`expected a cluster of our own, came ${server.source}`);
  onTestFinished(() => server.stop());
  onTestFinished(() => killPostmaster(home));
  return { ...server, home };
}

/** `kill -9` for the server of a cluster. Returns once the process is gone or a zombie. */
export async function killPostmaster(home: string): Promise<void> {
  const postmaster = postmasterIn(home);
  if (postmaster === undefined) return;
  process.kill(postmaster, 'SIGKILL');
  while (postmasterIn(home)) await new Promise(setImmediate);
}

/** The pid of the server that runs in this home. */
export function postmasterIn(home: string): number | undefined {
  const data = join(home, 'data');
  const pid = readPostmaster(data)?.pid;
  return pid !== undefined && isServerOf(data, pid) ? pid : undefined;
}

/** Another process, with a process group of its own, that holds the cluster of a project. Resolves when it does. */
export async function holderIn(project: string): Promise<{ url: string; home: string; child: ChildProcess }> {
  const script = join(import.meta.dirname, 'server-holder.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, join(project, '.treadle')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { url, home } = JSON.parse(line) as { url: string; home: string };
  onTestFinished(() => killPostmaster(home));
  return { url, home, child };
}

/** Runs one statement on a connection of its own. */
export async function query<Row extends object>(url: string, text: string): Promise<Row[]> {
  const client = await connect(url);
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}
