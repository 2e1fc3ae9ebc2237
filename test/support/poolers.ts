// A real pgbouncer in transaction mode before the server of the test run, where one is installed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chmodSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { choosePort } from '../../sql/server/port.ts';
import { newProject } from './clusters.ts';

/** Where pgbouncer is, if it is. */
export const PGBOUNCER = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  .map((folder) => join(folder, 'pgbouncer'))
  .find(isExecutable);

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts one before the database of this URL. Returns the URL that leads through it. It ends with the test. */
export async function pooled(url: string): Promise<string> {
  const folder = join(newProject(), 'pgbouncer');
  mkdirSync(folder);
  chmodSync(folder, 0o777); // it does not run as root
  const port = await choosePort(join(folder, 'port'));
  const ini = join(folder, 'pgbouncer.ini');
  writeFileSync(ini, settings(new URL(url), port, folder));
  const asUser = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn(PGBOUNCER ?? 'pgbouncer', [...asUser, '-q', ini], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  await Promise.race([listening(port), exited.then(() => Promise.reject(new Error('pgbouncer ended')))]);
  const through = new URL(url);
  [through.hostname, through.port] = ['127.0.0.1', String(port)];
  return through.href;
}

/** The settings that people have who did not think of Treadle. */
function settings({ hostname, port, username, password }: URL, listenPort: number, folder: string): string {
  const server = [
    `host=${hostname}`,
    `port=${port === '' ? 5432 : port}`,
    `user=${decodeURIComponent(username)}`,
    `password=${decodeURIComponent(password)}`,
  ];
  return `[databases]
* = ${server.join(' ')}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 10
max_client_conn = 100
logfile = ${join(folder, 'pgbouncer.log')}
`;
}

async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const answered = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (answered) return;
    await new Promise(setImmediate);
  }
}
