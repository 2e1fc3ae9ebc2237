// The command line as a user runs it: a process of its own, in a folder, on a database.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const TREADLE = fileURLToPath(new URL('../../bin/treadle.js', import.meta.url));
/** A project with an app module and a template: handlers Accept and Pay, task shop/order. */
export const PROJECT = fileURLToPath(new URL('../data/cli-project/', import.meta.url));

export interface CliOptions {
  readonly url?: string | undefined;
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another `treadle` than the one of this checkout. */
  readonly program?: string;
  /** A command that runs it, as `bundle exec`. */
  readonly by?: readonly string[];
}

export interface CliResult {
  /** The exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs to the end. */
export async function treadle(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const running = startTreadle(args, options);
  running.child.stdin?.end(options.input ?? '');
  return running.ended;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  /** Resolves when stdout or stderr has said it; rejects when the process ends before. */
  readonly says: (text: string) => Promise<string>;
}

export function startTreadle(
  args: readonly string[],
  { url, cwd = tmpdir(), env, program = TREADLE, by = [] }: CliOptions = {},
): RunningCli {
  const { DATABASE_URL: _other, ...inherited } = process.env;
  const [command = '', ...words] = [...by, process.execPath, program, ...args];
  const child = spawn(command, words, {
    stdio: 'pipe',
    cwd,
    env: { ...inherited, NODE_ENV: 'test', ...(url === undefined ? {} : { DATABASE_URL: url }), ...env },
  });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
      child.emit('written');
    });
  }
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, ...written }));
  const says = async (text: string): Promise<string> => {
    while (!written.stdout.includes(text) && !written.stderr.includes(text)) {
      if (child.exitCode !== null) throw new Error(`it ended before it said "${text}":\n${written.stderr}`);
      await Promise.race([once(child, 'written'), ended]);
    }
    return written.stdout + written.stderr;
  };
  return { child, ended, says };
}
