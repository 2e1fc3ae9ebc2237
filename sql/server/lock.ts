// A lock between processes that ends with its holder: a file that names the holder's pid. It is held only while a
// server starts or stops; Postgres's own pid file and shared memory guard the data itself.
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { processExists } from './postmaster.ts';

const POLL_MS = 20;
/** Longer than any start or stop takes; a pid in an older file belongs to somebody else by now. */
const STALE_MS = 120_000;
/** A pid can come back (in containers it does), so a file with our own pid counts only when it is in here. */
const heldHere = new Set<string>();

/** Runs `work` while nobody else, in this process or another, runs work under the same file. */
export async function withLock<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  while (!tryCreate(file, String(process.pid))) {
    if (isStale(file, file)) removeStale(file);
    else await delay(POLL_MS);
  }
  heldHere.add(file);
  try {
    return await work();
  } finally {
    heldHere.delete(file);
    rmSync(file, { force: true });
  }
}

function tryCreate(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** `copy` holds what stood in `file`. An empty one is just being written. */
function isStale(copy: string, file: string): boolean {
  try {
    const holder = readFileSync(copy, 'utf8');
    if (Date.now() - statSync(copy).mtimeMs > STALE_MS) return true;
    if (holder === String(process.pid)) return !heldHere.has(file);
    return holder !== '' && !processExists(Number(holder));
  } catch {
    return false; // gone meanwhile
  }
}

/** Moves the file aside before looking again: of two waiters who saw the dead holder only one gets it. */
function removeStale(file: string): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch {
    return; // the other waiter was first
  }
  if (!isStale(aside, file)) tryCreate(file, readFileSync(aside, 'utf8')); // a new holder's by now: put it back
  rmSync(aside, { force: true });
}
