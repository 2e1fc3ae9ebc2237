// A worker process of Sidekiq or Celery, as a team runs it, whose jobs call RunTask, or (bare) do nothing and say which it was.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface WorkerOrders {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** A bare job with this id ran. */
  readonly onRan: (id: number) => void;
}

/** The last lines of its log, for the error when it dies. */
const LAST_WORDS = 5;
const LONGEST_END_MS = 20_000;

export class WorkerProcess {
  /** Rejects when it ends without being told to. */
  readonly died: Promise<never>;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #said: string[] = [];
  #onReady: () => void = () => {};
  #ending = false;

  private constructor({ command, environment, onRan }: WorkerOrders) {
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#exited = once(child, 'close');
    this.died = this.#exited.then(() => this.#mourned());
    this.died.catch(() => {}); // whoever waits hears of it
    createInterface(child.stdout).on('line', (line) => this.#hear(line, onRan));
    createInterface(child.stderr).on('line', (line) => this.#note(line));
  }

  /** Resolves when it takes jobs. */
  static async start(orders: WorkerOrders): Promise<WorkerProcess> {
    const worker = new WorkerProcess(orders);
    const ready = new Promise<void>((resolve) => {
      worker.#onReady = resolve;
    });
    await Promise.race([ready, worker.died]);
    return worker;
  }

  get lastWords(): string {
    return this.#said.join(' | ');
  }

  /** In good order, as Celery's children would outlive a kill. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), LONGEST_END_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #hear(line: string, onRan: WorkerOrders['onRan']): void {
    const [word, id] = line.split(' ');
    if (word === 'ran') onRan(Number(id));
    else if (word === 'ready') this.#onReady();
    else this.#note(line);
  }

  #note(line: string): void {
    this.#said.push(line);
    if (this.#said.length > LAST_WORDS) this.#said.shift();
  }

  #mourned(): Promise<never> {
    if (this.#ending) return new Promise<never>(() => {});
    return Promise.reject(new Error(`${this.#child.spawnfile} ended: ${this.lastWords}`));
  }
}
