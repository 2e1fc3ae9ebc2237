// Which files make `treadle dev` start its native handlers again, in real folders.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { watchSources, type NativeModules } from '../../cli/native-sources.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'treadle-sources-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

function write(name: string, text = ''): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

/** Resolves with the file that is told first. */
function watching(modules: NativeModules, directory = folder): { readonly told: Promise<string> } {
  let tell: (file: string) => void = () => {};
  const told = new Promise<string>((resolve) => {
    tell = resolve;
  });
  onTestFinished(watchSources(modules, tell, directory));
  return { told };
}

test('a file of a package is told when it changes', async () => {
  write('app/handlers.py');
  const { told } = watching([['python', ['app.handlers']]]);
  write('app/handlers.py', 'changed');
  expect(await told).toBe(join('app', 'handlers.py'));
});

test('so is one in a folder that is made later', async () => {
  const { told } = watching([['ruby', ['./handlers']]]);
  write('handlers/deep/charge.rb');
  expect(await told).toBe(join('handlers', 'deep', 'charge.rb'));
});

test('what is foreign, hidden or of another language is not', async () => {
  const foreign = [
    '.venv/a.py',
    'node_modules/x/a.py',
    'app/__pycache__/a.py',
    'env/lib/a.py',
    'a.rb',
    'a.pyc',
  ];
  write('env/pyvenv.cfg');
  for (const name of foreign) write(name);
  const { told } = watching([['python', ['app']]]);
  write('mine.py');
  for (const name of foreign) write(name, 'changed'); // in the same breath: the last one would be told
  expect(await told).toBe('mine.py');
});

test('Ruby files that were named outside of the working directory count too', async () => {
  write('elsewhere/handlers.rb');
  write('here/nothing.txt');
  const file = join(folder, 'elsewhere', 'handlers.rb');
  const { told } = watching([['ruby', [file]]], join(folder, 'here'));
  write('elsewhere/handlers.rb', 'changed');
  expect(await told).toBe(join('..', 'elsewhere', 'handlers.rb'));
});
