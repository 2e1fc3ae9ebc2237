// The walls of the house: imports go one way, and the rule that says so is proven by planted violations.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { LONG_FILES } from './support/long-files.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OXLINT = join(ROOT, 'node_modules', 'oxlint', 'bin', 'oxlint');
const planted: string[] = [];

/** The rules over a tree that holds one file. */
async function lint(file: string, source: string): Promise<string> {
  const house = await mkdtemp(join(tmpdir(), 'treadle-house-'));
  planted.push(house);
  await mkdir(dirname(join(house, file)), { recursive: true });
  await writeFile(join(house, file), source);
  await copyFile(join(ROOT, '.oxlintrc.json'), join(house, '.oxlintrc.json'));
  const { stdout } = await promisify(execFile)(process.execPath, [OXLINT, '.'], { cwd: house }).catch(
    (failure: unknown) => failure as { stdout: string },
  );
  return stdout;
}

afterAll(() => Promise.all(planted.map((house) => rm(house, { recursive: true, force: true }))));

describe('imports go one way', () => {
  it.each([
    ['core/x.ts', '../sql/database.ts'],
    ['core/x.ts', '../handlers/registry.ts'],
    ['core/template/x.ts', '../../engine/engine.ts'],
    ['core/x.ts', 'pg'],
    ['core/x.ts', 'node:fs'],
    ['sql/x.ts', '../handlers/registry.ts'],
    ['sql/server/x.ts', '../../engine/engine.ts'],
    ['handlers/x.ts', '../sql/database.ts'],
    ['handlers/x.ts', 'pg'],
    ['engine/x.ts', '../cli/main.ts'],
    ['engine/queue/x.ts', '../../cli/main.ts'],
    ['engine/x.ts', '../bindings/grpc/server.ts'],
    ['bindings/grpc/x.ts', '../../cli/main.ts'],
  ])('%s may not import %s', async (file, imported) => {
    expect(await lint(file, `export { x } from '${imported}';\n`)).toContain('no-restricted-imports');
  });

  it.each([
    ['sql/x.ts', '../core/errors.ts'],
    ['handlers/x.ts', '../core/errors.ts'],
    ['bindings/grpc/x.ts', '../../engine/engine.ts'],
    ['engine/x.ts', '../handlers/registry.ts'],
    ['cli/x.ts', '../engine/engine.ts'],
  ])('%s may import %s', async (file, imported) => {
    expect(await lint(file, `export { x } from '${imported}';\n`)).not.toContain('no-restricted-imports');
  });
});

it.each(LONG_FILES)('%s, which is to begin first, is there', (file) => {
  expect(existsSync(join(ROOT, file))).toBe(true);
});
