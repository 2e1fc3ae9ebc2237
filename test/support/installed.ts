// The package as npm would install it: built, packed, and unpacked into the node_modules of a project of its own. The project
// stands inside the checkout, whose node_modules then serve the dependencies.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

export interface InstalledPackage {
  readonly project: string;
  /** Its `treadle` command. */
  readonly program: string;
  remove(): void;
}

export async function installPackage(type: 'commonjs' | 'module'): Promise<InstalledPackage> {
  const parent = join(ROOT, '.treadle', 'test');
  mkdirSync(parent, { recursive: true });
  const project = mkdtempSync(join(parent, 'installed-'));
  const home = join(project, 'node_modules', 'treadle');
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'shop', private: true, type }));
  await run(process.execPath, [join(ROOT, 'scripts', 'build.mjs')], { cwd: ROOT });
  const packed = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT });
  const [{ files }] = JSON.parse(packed.stdout) as [{ files: { path: string }[] }];
  for (const { path } of files) cpSync(join(ROOT, path), join(home, path));
  return {
    project,
    program: join(home, 'bin', 'treadle.js'),
    remove: () => rmSync(project, { recursive: true }),
  };
}
