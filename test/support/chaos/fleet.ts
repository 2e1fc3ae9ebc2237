// The engine processes of a chaos run. Each slot holds one process or none; whatever dies is started again by the script.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import type { ChaosEngineOptions } from './engine-main.ts';

/** Engines with and without late starts side by side, and some whose steps are never shown before they end. */
const FUSES_MS = [50, 0, 5, 60_000];

/** A stop in order takes the grace and a few last words, also while Postgres is away. */
const LONGEST_STOP_MS = 30_000;
const SCRIPT = join(import.meta.dirname, 'engine-main.ts');

export interface FleetOptions extends Omit<ChaosEngineOptions, 'journal' | 'fuseMs'> {
  readonly size: number;
  /** Where journals and logs go. */
  readonly directory: string;
}

export class Fleet {
  readonly #options: FleetOptions;
  /** Processes that ended without being told to. */
  readonly deaths: string[] = [];
  readonly #told = new Set<ChildProcess>();
  readonly #slots: (ChildProcess | undefined)[];
  #count = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.size }, () => undefined);
  }

  get size(): number {
    return this.#slots.length;
  }

  /** Starts a process in a slot that has none. Resolves when its engine runs, or it was killed before. */
  async start(slot: number): Promise<void> {
    if (this.#alive(slot)) return;
    this.#count += 1;
    const { size: _size, directory, ...rest } = this.#options;
    const name = join(directory, `engine-${slot + 1}-${this.#count}`);
    const fuseMs = FUSES_MS[this.#count % FUSES_MS.length] ?? 0;
    const options: ChaosEngineOptions = { ...rest, fuseMs, journal: `${name}.journal` };
    const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', openSync(`${name}.log`, 'a')], // its end of the first pipe tells it of our death
    });
    child.once('exit', (code) => {
      if (!this.#told.has(child))
        this.deaths.push(`${name} ended by itself with ${code ?? child.signalCode}`);
    });
    this.#slots[slot] = child;
    if (child.stdout) await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  }

  /** Sends a signal, and waits for the end that it brings. False when there is no process in the slot. */
  async signal(slot: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): Promise<boolean> {
    const child = this.#alive(slot);
    if (!child) return false;
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return child.kill(signal);
    this.#told.add(child);
    const gone = once(child, 'exit');
    child.kill(signal);
    child.kill('SIGCONT'); // a stopped process would not hear of it
    const hurry = setTimeout(() => {
      this.deaths.push(`engine ${slot + 1} did not end within ${LONGEST_STOP_MS} ms of ${signal}`);
      child.kill('SIGKILL');
    }, LONGEST_STOP_MS);
    await gone;
    clearTimeout(hurry);
    return true;
  }

  async startAll(): Promise<void> {
    await Promise.all(this.#slots.map((_child, slot) => this.start(slot)));
  }

  /** Ends every process at once, also stopped ones. */
  async killAll(): Promise<void> {
    await Promise.all(this.#slots.map((_child, slot) => this.signal(slot, 'SIGKILL')));
  }

  /** Ends every process in order. Returns the exit codes of those that did not end well. */
  async stopAll(): Promise<string[]> {
    const ended = this.#slots.map(async (child, slot) => {
      await this.signal(slot, 'SIGTERM');
      return child && child.exitCode !== 0
        ? [`engine ${slot + 1} ended with ${child.exitCode ?? child.signalCode}`]
        : [];
    });
    return (await Promise.all(ended)).flat();
  }

  #alive(slot: number): ChildProcess | undefined {
    const child = this.#slots[slot];
    return child && child.exitCode === null && child.signalCode === null ? child : undefined;
  }
}
