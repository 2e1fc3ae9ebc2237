// One process at a time does what takes long and is kept for all: a file with the number of who does it. A lock of a process
// that is dead is none.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Answers with the way out. Throws when the other one does not come to an end. */
export async function lock(file: string, longestWaitMs: number): Promise<() => void> {
  const giveUp = Date.now() + longestWaitMs;
  while (!taken(file)) {
    const holder = holderOf(file);
    if (!isAlive(holder)) discard(file, holder);
    else if (Date.now() > giveUp) throw new Error(`somebody else (process ${holder}) holds ${file}`);
    else await pause(200);
  }
  return () => rmSync(file, { force: true });
}

function taken(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

/** Two may see the same dead holder: who comes second must not take away the lock of who came first. */
function discard(file: string, holder: number): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    if (holderOf(aside) !== holder) renameSync(aside, file);
    rmSync(aside, { force: true });
  } catch {
    // somebody else was quicker
  }
}

/** 0: it is gone, or its number is not written yet. */
function holderOf(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}

function isAlive(pid: number): boolean {
  try {
    if (pid > 0) process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
