// Runs programs of the machine to their end.
import { spawn } from 'node:child_process';

export interface Ran {
  readonly ok: boolean;
  /** What it wrote, to both outputs. */
  readonly said: string;
}

/** Never rejects: a program that is not there has not gone well. */
export function run(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    let said = '';
    const child = spawn(program, args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const hear = (text: Buffer) => {
      said += text.toString();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', (error) => resolve({ ok: false, said: error.message }));
    child.once('close', (status) => resolve({ ok: status === 0, said }));
  });
}
