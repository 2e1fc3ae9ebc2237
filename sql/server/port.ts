// A port for a server that only this machine talks to: kept across restarts while it is free, and below the range
// from which systems hand out ephemeral ports (there, a client polling a closed port can connect to itself).
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const LOWEST = 20_000;
const BEYOND = 30_000;
const ATTEMPTS = 50;

/** The port written in `file` when it is free, else a random free one. */
export async function choosePort(file: string): Promise<number> {
  const kept = keptPort(file);
  if (kept !== undefined && (await isFree(kept))) return kept;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(LOWEST, BEYOND);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${ATTEMPTS} ports tried between ${LOWEST} and ${BEYOND} on 127.0.0.1 is free`);
}

function keptPort(file: string): number | undefined {
  try {
    const port = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(port) && port > 1023 && port < 65_536 ? port : undefined;
  } catch {
    return undefined;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
