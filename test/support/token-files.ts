// Files of tokens for tests, gone when the test ends.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** The path of a file with this content: text as it is, anything else as JSON. */
export function tokensFile(content: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'treadle-tokens-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'tokens.yaml');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
