// buf, as `npm run proto` uses it.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BIN = join(ROOT, 'node_modules', '.bin');

export interface BufResult {
  readonly status: number;
  readonly output: string;
}

export async function buf(...args: readonly string[]): Promise<BufResult> {
  const env = { ...process.env, PATH: `${BIN}:${process.env['PATH'] ?? ''}` }; // where it looks for its plugins
  try {
    const { stdout, stderr } = await promisify(execFile)(join(BIN, 'buf'), [...args], { cwd: ROOT, env });
    return { status: 0, output: stdout + stderr };
  } catch (failure) {
    const { code, stdout, stderr } = failure as { code: number; stdout: string; stderr: string };
    return { status: code, output: stdout + stderr };
  }
}
