// CPU time of this process, of others, and of the server it talks to: the figures that a busy machine distorts least.
import { readdir, readFile } from 'node:fs/promises';
import type { Executor } from '../sql/database.ts';

/** Linux counts in these; every distribution of today has 100 a second. */
const MS_PER_TICK = 10;

/** Of this process since it began, in ms, all threads. */
export function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Of a local server's processes in ms, those that have ended included; undefined where /proc does not tell. */
export async function postgresCpu(db: Executor): Promise<number | undefined> {
  const [row] = await db.query<{ pid: number; local: boolean }>(
    `select pg_backend_pid() as pid, coalesce(inet_server_addr() <<= '127.0.0.0/8', true) as local`,
  );
  if (!row?.local) return undefined;
  try {
    const postmaster = (await statOf(row.pid)).parent;
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
    const stats = await Promise.all(pids.map((pid) => statOf(pid).catch(() => undefined)));
    const own = (await statOf(postmaster)).ticksWithChildren;
    const children = stats.filter((stat) => stat?.parent === postmaster);
    return children.reduce((sum, stat) => sum + (stat?.ticks ?? 0), own) * MS_PER_TICK;
  } catch {
    return undefined; // no Linux, or the server lives in another container
  }
}

/** Of one process since it began, in ms, all threads; undefined where /proc does not tell. */
export async function processCpu(pid: number): Promise<number | undefined> {
  const stat = await statOf(pid).catch(() => undefined);
  return stat && stat.ticks * MS_PER_TICK;
}

interface ProcessStat {
  readonly parent: number;
  readonly ticks: number;
  /** Its own and those of children that have ended. */
  readonly ticksWithChildren: number;
}

async function statOf(pid: number): Promise<ProcessStat> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8');
  // what follows the name, which may hold anything: state, parent, ... utime is the 14th field of the line
  const fields = line
    .slice(line.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const at = (place: number): number => fields[place] ?? 0;
  const ticks = at(11) + at(12);
  return { parent: at(1), ticks, ticksWithChildren: ticks + at(13) + at(14) };
}
