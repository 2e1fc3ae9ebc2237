// What a process holds in memory when JavaScript has dropped what it can.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MEGABYTE = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** RSS of this process, interpreters in it included. */
export function residentMegabytes(): number {
  collectGarbage();
  return process.memoryUsage.rss() / MEGABYTE;
}
