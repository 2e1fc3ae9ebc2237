// Who runs the steps: the engine's own process, or a worker process in another language. And how such a process is started,
// watched and ended.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { python, ruby } from '../../scripts/toolchains.ts';
import { processCpu } from '../cpu.ts';

const HERE = import.meta.dirname;
const RUBY = join(HERE, '..', '..', 'bindings', 'ruby');
/** The last lines that a process wrote, for the error when it dies. */
const LAST_WORDS = 2_000;
/** A worker that is told to stop while it holds nothing needs a fraction of a second. */
const LONGEST_END_MS = 20_000;

/** Programs with their arguments; the address of the server follows. */
export interface Language {
  readonly name: string;
  /** A worker whose handlers do nothing. */
  readonly worker: readonly string[];
  /** A bare stream that sends back what comes. */
  readonly echo: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface Languages {
  readonly present: readonly Language[];
  /** In one line each: what is left out, and what a person can do. */
  readonly missing: readonly string[];
}

/** Those whose programs this machine has; a virtual environment for Python is made where there is none. */
export async function languages(): Promise<Languages> {
  const [forPython, forRuby] = [await python(), await ruby()];
  const present: Language[] = [];
  if (forPython.ok) present.push(...pythons(forPython.python));
  if (forRuby.ok) present.push(rubyWith(forRuby.ruby));
  const missing = [forPython, forRuby].flatMap((toolchain) => (toolchain.ok ? [] : [toolchain.why]));
  return { present, missing };
}

function pythons(program: string): Language[] {
  const worker = [program, '-m', 'treadle.worker', '--log-level', 'warning', '--app-dir', HERE];
  const shared = { echo: [program, join(HERE, 'echo.py')], environment: { PYTHONDONTWRITEBYTECODE: '1' } };
  return [
    { name: 'Python, def', worker: [...worker, 'noop_sync'], ...shared },
    { name: 'Python, async def', worker: [...worker, 'noop_async'], ...shared },
  ];
}

function rubyWith(program: string): Language {
  const flags = ['-r', join(HERE, 'noop.rb'), '--log-level', 'warn'];
  const worker = [program, '-I', join(RUBY, 'lib'), join(RUBY, 'exe', 'treadle-worker'), ...flags];
  return { name: 'Ruby', worker, echo: [program, join(HERE, 'echo.rb')], environment: {} };
}

/** A process in another language. */
export class Subject {
  /** Rejects when it ends without being told to. */
  readonly died: Promise<never>;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #ending = false;
  #said = '';

  constructor(command: readonly string[], environment: Language['environment']) {
    const [program = '', ...args] = command;
    this.#child = spawn(program, args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    this.#child.stderr?.on('data', (text: Buffer) => {
      this.#said = (this.#said + text.toString()).slice(-LAST_WORDS);
    });
    this.#exited = once(this.#child, 'exit');
    this.died = this.#exited.then(() => this.#mourned());
    this.died.catch(() => {}); // whoever waits hears of it
  }

  static worker({ worker, environment }: Language, address: string, concurrency: number): Subject {
    const flags = ['--target', address, '--concurrency', String(concurrency)];
    return new Subject([...worker, ...flags], environment);
  }

  static echo({ echo, environment }: Language, address: string): Subject {
    return new Subject([...echo, address], environment);
  }

  /** In ms since it began; undefined where the system does not tell. */
  async cpuMs(): Promise<number | undefined> {
    return processCpu(this.#child.pid ?? 0);
  }

  /** Throws when it does not end. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#ending = true;
    this.#child.kill(signal);
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = this.#child.kill('SIGKILL');
    }, LONGEST_END_MS);
    await this.#exited;
    clearTimeout(timer);
    if (hangs) throw new Error(`${this.#child.spawnfile} did not end after ${signal}:\n${this.#said}`);
  }

  #mourned(): Promise<never> {
    if (this.#ending) return new Promise<never>(() => {});
    return Promise.reject(new Error(`${this.#child.spawnfile} ended:\n${this.#said}`));
  }
}
