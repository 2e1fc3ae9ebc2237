// Worker processes in other languages: started as an operator starts them, listened to, killed when the test ends. They serve
// `StoryHandler`, which prints a line for each attempt that begins: `<task>/<step>/<attempt>`.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { python, ruby } from '../../scripts/toolchains.ts';
import { reasonToSkip } from './foreign-suite.ts';

const BINDINGS = join(import.meta.dirname, '..', '..', 'bindings');
const HANDLERS = import.meta.dirname;

/** How to start a worker of a language. */
export interface ForeignLanguage {
  readonly language: 'python' | 'ruby';
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface WorkerOptions {
  readonly name: string;
  readonly targets: readonly string[];
  readonly concurrency?: number;
  /** Attempts wait until this file is there. */
  readonly gate?: string;
}

/** Those whose toolchain is there; under CI=true that must be all. */
export async function foreignLanguages(): Promise<ForeignLanguage[]> {
  const [forPython, forRuby] = [await python({ install: 'packages' }), await ruby({ install: 'packages' })];
  const languages: ForeignLanguage[] = [];
  if (reasonToSkip(forPython) === undefined && forPython.ok) {
    languages.push({
      language: 'python',
      command: [forPython.python, '-m', 'treadle.worker', 'story_handler'],
      environment: { PYTHONPATH: join(HANDLERS, 'python') },
    });
  }
  if (reasonToSkip(forRuby) === undefined && forRuby.ok) {
    const program = join(BINDINGS, 'ruby', 'exe', 'treadle-worker');
    const file = join(HANDLERS, 'ruby', 'story_handler.rb');
    const command = [forRuby.ruby, '-I', join(BINDINGS, 'ruby', 'lib'), program, '-r', file];
    languages.push({ language: 'ruby', command, environment: {} });
  }
  return languages;
}

export class ForeignWorker {
  /** What it printed: the attempts that began. */
  readonly began: string[] = [];
  /** Resolves with the exit status, null when a signal ended it. All that it printed has been heard by then. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #log: string[] = [];
  #listeners: (() => void)[] = [];

  constructor({ command, environment }: ForeignLanguage, options: WorkerOptions) {
    const { name, targets, concurrency = 4, gate } = options;
    const [program = '', ...args] = command;
    const flags = ['--name', name, '--concurrency', String(concurrency), '--log-level', 'info'];
    this.#child = spawn(program, [...args, ...flags, ...targets.flatMap((target) => ['--target', target])], {
      env: {
        ...process.env,
        ...environment,
        STORY_NAME: name,
        ...(gate === undefined ? {} : { STORY_GATE: gate }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = once(this.#child, 'close').then(([status]) => status as number | null);
    const { stdout, stderr } = this.#child;
    if (stdout) createInterface(stdout).on('line', (line) => this.#hear(this.began, line));
    if (stderr) createInterface(stderr).on('line', (line) => this.#hear(this.#log, line));
    onTestFinished(async () => {
      this.kill('SIGKILL');
      await this.exited;
    });
  }

  /** Resolves when so many attempts have begun here. */
  async begins(attempts: number): Promise<void> {
    while (this.began.length < attempts) await this.#anotherLine();
  }

  /** Resolves when its log says so, also when it has said it before. */
  async says(pattern: RegExp): Promise<void> {
    while (!this.#log.some((line) => pattern.test(line))) await this.#anotherLine();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #anotherLine(): Promise<void> {
    return new Promise((resolve) => this.#listeners.push(resolve));
  }

  #hear(lines: string[], line: string): void {
    lines.push(line);
    for (const tell of this.#listeners.splice(0)) tell();
  }
}
