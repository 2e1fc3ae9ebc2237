// Builds dist/: JavaScript and type declarations by tsc, and the files beside the sources that are read at run time.
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

function compile() {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  const tsc = join(dirname(typescript), 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** The SQL that migrate runs, and the catalogue that it compares an adopted database with. */
function copySql() {
  for (const entry of readdirSync(join(root, 'sql'), { recursive: true, encoding: 'utf8' })) {
    if (entry.endsWith('.sql') || entry.endsWith('.json'))
      cpSync(join(root, 'sql', entry), join(dist, 'sql', entry));
  }
}

rmSync(dist, { recursive: true, force: true });
compile();
copySql();
