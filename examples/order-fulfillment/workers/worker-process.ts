// A worker process in another language. It ends when its standard input does, which the operating system closes for us
// even when we are killed.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const PATIENCE_MS = 5_000;
/** What is kept of its log, to say why it could not start. */
const KEPT_CHARACTERS = 4_000;

export class WorkerProcess {
  readonly pid: number | undefined;
  /** Resolves when it has ended, also when it never began. */
  readonly ended: Promise<void>;
  #isOver = false;
  #log = '';
  readonly #child: ChildProcess;

  constructor([program = '', ...args]: readonly string[], environment: Readonly<Record<string, string>>) {
    this.#child = spawn(program, args, {
      env: { ...process.env, ...environment },
      stdio: ['pipe', 'inherit', 'pipe'],
      detached: true, // Ctrl-C is for the demo alone, which ends its workers after the engine
    });
    this.pid = this.#child.pid;
    this.#child.stdin?.on('error', () => {}); // it has ended before us
    this.#child.stderr?.on('data', (text: Buffer) => {
      this.#log = (this.#log + text.toString()).slice(-KEPT_CHARACTERS);
    });
    this.ended = this.#end();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The last line of its log; lines of a backtrace are indented. */
  get lastWords(): string {
    return this.#log.split('\n').findLast((line) => /^\S/.test(line)) ?? 'it said nothing';
  }

  /** Asks it to end, then insists. */
  async end(): Promise<void> {
    this.#child.stdin?.end();
    const insist = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE_MS);
    await this.ended;
    clearTimeout(insist);
  }

  async #end(): Promise<void> {
    await once(this.#child, 'close').catch((error: unknown) => (this.#log += `\n${String(error)}`));
    this.#isOver = true;
  }
}
