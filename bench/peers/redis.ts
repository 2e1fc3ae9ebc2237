// A Redis of its own for one run, on the disk that Postgres uses too, with an append-only file.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';

export type Fsync = 'everysec' | 'always';

/** `7.0.15`, or undefined where there is no redis-server. */
export async function redisVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('redis-server', ['--version']);
    return /v=(\S+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

/** Runs `work` with the URL of an empty Redis, and removes it whatever happens. */
export async function withRedis<Result>(
  fsync: Fsync,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  await mkdir('.treadle', { recursive: true });
  const folder = await mkdtemp(join('.treadle', 'bench-redis-'));
  const port = await freePort();
  const server = start(folder, port, fsync);
  const gone = once(server, 'exit');
  try {
    await Promise.race([ready(server), gone.then(() => Promise.reject(new Error('redis-server ended')))]);
    return await work(`redis://127.0.0.1:${port}`);
  } finally {
    server.kill();
    await gone;
    await rm(folder, { recursive: true, force: true });
  }
}

function start(folder: string, port: number, fsync: Fsync): ChildProcess {
  const persistence = ['--save', '', '--appendonly', 'yes', '--appendfsync', fsync];
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  return spawn('redis-server', [...place, ...persistence, '--maxmemory-policy', 'noeviction'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** The output is read to the end, or the server would wait for a reader. */
function ready({ stdout }: ChildProcess): Promise<void> {
  if (!stdout) throw new Error('redis-server has no output');
  return new Promise((resolve) => {
    createInterface(stdout).on('line', (line) => {
      if (line.includes('Ready to accept connections')) resolve();
    });
  });
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}
