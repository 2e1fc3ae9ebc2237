// The file of a unix socket: a process that was killed leaves it behind, and then nobody can listen there.
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';

/** Removes the file when it is a socket and nobody answers behind it. */
export async function removeStaleSocket(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  if (await isDead(path)) unlinkSync(path);
}

/** The owner and the group may connect; the umask would let everybody or nobody. */
export function guardSocket(path: string): void {
  chmodSync(path, 0o660);
}

function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
