// What postmaster.pid says about a data directory, and whether the process it names is really its living server.
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** `starting`, `stopping`, `ready` or `standby`; empty while the file is being written. */
  readonly status: string;
}

/** Reads the pid file of a data directory. Undefined when there is none, or it has no pid yet. */
export function readPostmaster(data: string): Postmaster | undefined {
  let lines: string[];
  try {
    lines = readFileSync(pidFile(data), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3] ?? 0), status: (lines[7] ?? '').trim() };
}

export function pidFile(data: string): string {
  return join(data, 'postmaster.pid');
}

/** Whether a process has this pid, zombies included. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Whether this pid is a living server, and of this data directory as far as we can see. After `kill -9` the pid can be a
 * zombie that nobody reaps (containers whose first process is no init), and after a reboot it can be any other program:
 * Postgres takes both for a running server.
 */
export function isServerOf(data: string, pid: number): boolean {
  if (!processExists(pid)) return false;
  if (process.platform === 'win32') return true;
  const { state, program, directory } = process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
  const isElsewhere = directory !== undefined && directory !== data;
  return state !== 'Z' && state !== 'X' && program === 'postgres' && !isElsewhere;
}

interface ProcessFacts {
  readonly state: string;
  readonly program: string;
  /** A server works in its data directory. Undefined when the system does not tell. */
  readonly directory?: string | undefined;
}

const GONE: ProcessFacts = { state: 'X', program: '' };

function fromProc(pid: number): ProcessFacts {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, program = '', state = ''] = /^\d+ \((.*)\) (\S)/s.exec(stat) ?? [];
    return { state, program, directory: workingDirectory(pid) };
  } catch {
    return GONE;
  }
}

/** Even root is refused the answer in a container without the right to trace. */
function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

function fromPs(pid: number): ProcessFacts {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,comm=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const [, state = '', program = ''] = /^(\S)\S*\s+(.*)$/.exec(line) ?? [];
    return { state, program: basename(program) };
  } catch {
    return GONE;
  }
}
