// Where a handler runs, chosen by its template, and how the command line is told which native handlers there are.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTreadle, treadle, type RunningCli } from '../../support/cli.ts';
import { nativePython } from '../../support/native.ts';
import { testDatabase } from '../../support/postgres.ts';

const { environment, skipped } = await nativePython();
const home = testDatabase();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'treadle-choosing-'));
  mkdirSync(join(folder, 'templates'));
  writeTemplate('chosen', '{ name: only, handler_class: Greets, runtime: native-python }');
  writeTemplate('missing', '{ name: only, handler_class: Nobody, runtime: native-python }');
  writeHandlers('hello');
  const app = `import { StepHandler } from 'treadle';
    export const handlers = { Greets: class extends StepHandler { process() { return { greeting: 'from JavaScript' }; } } };`;
  writeFileSync(join(folder, 'treadle.app.mjs'), app.replace("'treadle'", JSON.stringify(INDEX)));
});
afterAll(() => rmSync(folder, { recursive: true }));

const INDEX = join(import.meta.dirname, '..', '..', '..', 'index.ts');

function writeTemplate(name: string, step: string): void {
  const template = `namespace_name: choosing\nname: ${name}\nstep_templates:\n  - ${step}\n`;
  writeFileSync(join(folder, 'templates', `${name}.yaml`), template);
}

function writeHandlers(words: string): void {
  const body = `return {"greeting": ${JSON.stringify(words)}}`;
  writeHandlerFile(
    `from treadle import StepHandler\n\n\nclass Greets(StepHandler):\n    def process(self, task, sequence, step):\n        ${body}\n`,
  );
}

const writeHandlerFile = (text: string): void => writeFileSync(join(folder, 'greeting_handlers.py'), text);

function started(args: readonly string[], env: Record<string, string> = {}): RunningCli {
  return startTreadle(args, { url: home.url, cwd: folder, env: { TREADLE_GRACE_SECONDS: '1', ...env } });
}

/** What the step of a new task returned. */
async function greeting(): Promise<unknown> {
  const run = await treadle(['run', 'choosing/chosen', '-c', '{"n":1}', '--wait'], { url: home.url });
  expect(run).toMatchObject({ status: 0 });
  const [row] = await home.database.query<{ results: unknown }>(
    `select s.results
     from public.tasker_workflow_steps s
     order by s.workflow_step_id desc
     limit 1`,
  );
  return row?.results;
}

describe.skipIf(skipped)('treadle start --native', () => {
  let engine: RunningCli;
  let log: string;
  beforeAll(async () => {
    engine = started(['start', '--native', '--python-env', environment], {
      TREADLE_NATIVE_PYTHON: 'greeting_handlers',
    });
    log = await engine.says('"msg":"ready"');
  });
  afterAll(() => engine?.child.kill('SIGKILL'));

  test('serves what TREADLE_NATIVE_PYTHON names, and the template chooses it over the class of the app', async () => {
    expect(await greeting()).toEqual({ greeting: 'hello' });
    expect(log).toContain(
      'templates send handlers past the classes of this process: Greets to native-python (choosing/chosen@0.1.0)',
    );
  });

  test('warns of a handler that no module has, by its name', () => {
    expect(log).toContain('no module has Nobody, for which templates say runtime native-python');
    expect(log).not.toContain('templates name handlers that this process does not serve');
  });
});

test('treadle start --native says in one line that no modules were named', async () => {
  const ended = await treadle(['start', '--native'], { url: home.url, cwd: folder });
  expect(ended).toMatchObject({
    status: 2,
    stderr:
      'treadle: --native: expected modules in TREADLE_NATIVE_PYTHON or files in TREADLE_NATIVE_RUBY (or --native-python, --native-ruby), came nothing\n',
  });
});

describe.skipIf(skipped)('treadle dev with native handlers', () => {
  let engine: RunningCli;
  beforeAll(async () => {
    engine = started(['dev', '--native-python', 'greeting_handlers', '--python-env', environment]);
    await engine.says('Ctrl-C stops');
  });
  afterAll(() => engine?.child.kill('SIGKILL'));

  test('starts again when a file of theirs changes', async () => {
    writeHandlers('good morning');
    await engine.says('greeting_handlers.py has changed: starting again');
    expect(await greeting()).toEqual({ greeting: 'good morning' });
  });

  test('waits for the next change when it cannot start with this one', async () => {
    writeHandlerFile('class Greets(:\n');
    await engine.says('the engine could not start again: waiting for a change');
    writeHandlers('good evening');
    expect(await greeting()).toEqual({ greeting: 'good evening' });
  });

  test('ends in order', async () => {
    engine.child.kill('SIGINT');
    expect(await engine.ended).toMatchObject({
      status: 130,
      stdout: expect.stringContaining('stopped') as string,
    });
  });
});
