// Runs a benchmark as a person would, on the Postgres of the test run.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { inject } from 'vitest';

/** The document that the benchmark prints on stdout, at its smallest size. */
export async function quickBench<Document>(...args: readonly string[]): Promise<Document> {
  const env = { ...process.env, DATABASE_URL: inject('postgres').url };
  const command = ['--import', 'tsx', 'bench/main.ts', ...args, '--quick', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, command, { env });
  return JSON.parse(stdout) as Document;
}
