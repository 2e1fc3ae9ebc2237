// What a run takes besides time: bytes on the wire of a pool, and memory of this process.
import type { Socket } from 'node:net';
import type { Database } from '../sql/database.ts';

/** Of the pool, those included that it opens later on. */
export function socketsOf(database: Database): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  database.pool.on('acquire', (client) => {
    sockets.add((client as unknown as { connection: { stream: Socket } }).connection.stream);
  });
  return sockets;
}

export function traffic(sockets: ReadonlySet<Socket>): { readonly received: number; readonly sent: number } {
  let [received, sent] = [0, 0];
  for (const socket of sockets) {
    received += socket.bytesRead;
    sent += socket.bytesWritten;
  }
  return { received, sent };
}

/** The most memory that the process had from now on. */
export class MemoryWatch {
  readonly #first = process.memoryUsage.rss();
  #peak = this.#first;
  readonly #timer = setInterval(() => this.#look(), 10);

  end(): { readonly first: number; readonly peak: number } {
    clearInterval(this.#timer);
    this.#look();
    return { first: this.#first, peak: this.#peak };
  }

  #look(): void {
    this.#peak = Math.max(this.#peak, process.memoryUsage.rss());
  }
}
