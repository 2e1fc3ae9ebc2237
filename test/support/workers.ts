// Engines in processes of their own: started, listened to, killed when the test ends.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import type { TaskTemplate } from '../../core/template/template.ts';

export interface WorkerOrders {
  readonly url: string;
  /** Their handlers: brief, deaf, heeding, stuckOnce, deadly (see worker-process.ts). */
  readonly templates: readonly TaskTemplate[];
  readonly leaseSeconds?: number;
  readonly sessionLocks?: 'auto' | 'off';
  readonly concurrency?: number;
  readonly graceSeconds?: number;
  readonly briefMs?: number;
  /** Every attempt that begins becomes a line `step/attempt` in this file. */
  readonly journal?: string;
}

export interface Line {
  /** Of the log. */
  readonly msg?: string;
  /** The step of which an attempt begins. */
  readonly began?: string;
  readonly attempt?: number;
  readonly [key: string]: unknown;
}

export class Worker {
  readonly lines: Line[] = [];
  readonly child: ChildProcess;
  /** Resolves with the exit status, null when a signal ended it. */
  readonly exited: Promise<number | null>;
  #onLine: (() => void)[] = [];

  constructor(orders: WorkerOrders) {
    const script = join(import.meta.dirname, 'worker-process.ts');
    this.child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(orders)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.exited = once(this.child, 'exit').then(([status]) => status as number | null);
    if (this.child.stdout) createInterface(this.child.stdout).on('line', (text) => this.#hear(text));
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.exited;
    });
  }

  /** Resolves with the first line that is such, also when it has been said before. */
  async says(isSuch: (line: Line) => boolean): Promise<Line> {
    for (;;) {
      const said = this.lines.find(isSuch);
      if (said) return said;
      await new Promise<void>((resolve) => this.#onLine.push(resolve));
    }
  }

  /** Resolves when an attempt of this step begins here. */
  begins(step: string, attempt?: number): Promise<Line> {
    return this.says((line) => line.began === step && (attempt === undefined || line.attempt === attempt));
  }

  /** Messages of the log that match. */
  messages(pattern: RegExp): string[] {
    return this.lines.flatMap(({ msg }) => (msg !== undefined && pattern.test(msg) ? [msg] : []));
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  #hear(text: string): void {
    this.lines.push(text.startsWith('{') ? (JSON.parse(text) as Line) : { text });
    const waiting = this.#onLine;
    this.#onLine = [];
    for (const tell of waiting) tell();
  }
}

/** A worker process that runs. */
export async function startWorker(orders: WorkerOrders): Promise<Worker> {
  const worker = new Worker(orders);
  await Promise.race([
    worker.says((line) => line.msg === 'ready'),
    worker.exited.then((status) => Promise.reject(new Error(`the worker ended with ${status}`))),
  ]);
  return worker;
}
