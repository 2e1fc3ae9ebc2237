// The terminals in which a guide is typed: programs that run to their end, and those that are left running, each in its own process group so
// that it can be ended whole.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { matches } from './console-guide.ts';

const CTRL_C = 'SIGINT';
/** Nothing on a page takes longer. */
const PATIENCE_MS = 60_000;

interface Running {
  readonly child: ChildProcess;
  said: string;
}

export interface TerminalOptions {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

export class Terminals {
  readonly #options: TerminalOptions;
  readonly #running = new Map<string, Running>();

  constructor(options: TerminalOptions) {
    this.#options = options;
  }

  /** What it prints, to its end, whatever its status. */
  async type(command: string): Promise<string> {
    const running = this.#start(command);
    const cutOff = setTimeout(() => signal(running, 'SIGKILL'), PATIENCE_MS);
    await once(running.child, 'close');
    clearTimeout(cutOff);
    return running.said;
  }

  /** Leaves it running, and waits until it has said what is shown. */
  async leaveRunning(terminal: string, command: string, shown: string): Promise<void> {
    const running = this.#start(command);
    this.#running.set(terminal, running);
    await this.#says(running, shown);
  }

  /** What the program that runs there has said since, when it has ended by Ctrl-C. */
  async interrupt(terminal: string): Promise<string> {
    const running = this.#running.get(terminal);
    if (running === undefined) throw new Error(`nothing runs in the terminal ${terminal}`);
    const before = running.said.length;
    const closed = once(running.child, 'close');
    signal(running, CTRL_C);
    await closed;
    this.#running.delete(terminal);
    return running.said.slice(before);
  }

  /** Whatever still runs, at once. */
  killAll(): void {
    for (const running of this.#running.values()) signal(running, 'SIGKILL');
  }

  #start(command: string): Running {
    const { folder, environment } = this.#options;
    const child = spawn('bash', ['-c', `exec 2>&1\n${command}`], {
      cwd: folder,
      detached: true,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'ignore'], // one stream for both: what was said first stands first
    });
    const running: Running = { child, said: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      running.said += text;
      child.emit('said');
    });
    return running;
  }

  async #says(running: Running, shown: string): Promise<void> {
    const { child } = running;
    const waiting = new AbortController();
    const cutOff = setTimeout(() => waiting.abort(), PATIENCE_MS);
    child.once('close', () => waiting.abort());
    while (!matches(shown, running.said)) {
      if (waiting.signal.aborted)
        throw new Error(`it does not say what the page shows, but:\n${running.said}`);
      await once(child, 'said', { signal: waiting.signal }).catch(() => {});
    }
    clearTimeout(cutOff);
  }
}

/** To all processes of its group. */
function signal({ child }: Running, name: NodeJS.Signals): void {
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, name);
}
