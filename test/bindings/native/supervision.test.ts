// What a native handler may do to its process: `treadle start --native-...` is started again, and recovery gives the step back.
// No other engine is there to do it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTreadle, treadle, type RunningCli } from '../../support/cli.ts';
import { nativeRuby } from '../../support/native-ruby.ts';
import { NATIVE_HANDLERS, nativePython } from '../../support/native.ts';
import { testDatabase } from '../../support/postgres.ts';

const DEATHS = ['exit', 'segfault', 'overflow'];
const { environment, skipped } = await nativePython();
const withPython = ['--native-python', 'native_handlers', '--python-env', environment];
const withRuby = ['--native-ruby', join(NATIVE_HANDLERS, 'native_handlers.rb')];
const LANGUAGES = [
  { language: 'python', flags: withPython, lacking: skipped },
  { language: 'ruby', flags: withRuby, lacking: await nativeRuby() },
];
const home = testDatabase();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'treadle-supervision-'));
  mkdirSync(join(folder, 'templates'));
  for (const { language } of LANGUAGES) for (const by of DEATHS) writeTemplate(`${language}_${by}`, by);
});
afterAll(() => rmSync(folder, { recursive: true }));

function writeTemplate(name: string, by: string): void {
  const step = `{ name: only, handler_class: DiesOnce, handler_config: { by: ${by} } }`;
  const template = `namespace_name: dying\nname: ${name}\nstep_templates:\n  - ${step}\n`;
  writeFileSync(join(folder, 'templates', `${name}.yaml`), template);
}

async function started(flags: readonly string[]): Promise<RunningCli> {
  const env = { PYTHONPATH: NATIVE_HANDLERS, TREADLE_GRACE_SECONDS: '1' };
  const running = startTreadle(['start', ...flags], { url: home.url, cwd: folder, env });
  await running.says('"msg":"ready"');
  return running;
}

/** What was recorded of the attempts that failed. */
async function failures(name: string): Promise<unknown[]> {
  const rows = await home.database.query<{ code: string }>(
    `select t.metadata ->> 'code' as code
     from public.tasker_workflow_step_transitions t
     join public.tasker_workflow_steps using (workflow_step_id)
     join public.tasker_tasks using (task_id)
     join public.tasker_named_tasks n using (named_task_id)
     where t.to_state = 'error' and n.name = $1`,
    [name],
  );
  return rows.map(({ code }) => code);
}

describe.each(LANGUAGES)(
  'an engine whose $language handlers end its process',
  ({ language, flags, lacking }) => {
    let engine: RunningCli;
    beforeAll(async () => {
      if (lacking === undefined) engine = await started(flags);
    });
    afterAll(() => engine?.child.kill('SIGKILL'));

    test.skipIf(lacking).each(DEATHS)('lives on after %s, and its step runs again', async (by) => {
      const name = `${language}_${by}`;
      const run = await treadle(['run', `dying/${name}`, '-c', '{"n":1}', '--wait'], { url: home.url });
      expect(run).toMatchObject({ status: 0, stdout: expect.stringMatching(/complete\n$/) as string });
      expect(await failures(name)).toEqual(['worker_lost']);
    });

    test.skipIf(lacking)('was started again each time, and ends in order', async () => {
      engine.child.kill('SIGTERM');
      const { status, stdout } = await engine.ended;
      const deaths = stdout.split('\n').filter((line) => line.includes("the engine's process died"));
      expect([status, deaths.length]).toEqual([0, DEATHS.length]);
    });
  },
);

describe.skipIf(skipped)('an engine with native handlers', () => {
  test('ends with what is wrong when it cannot begin, and is not started again', async () => {
    const given = ['start', '--native-python', 'no_such_module', '--python-env', environment];
    const { status, stderr } = await treadle(given, { url: home.url, cwd: folder });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(/^treadle: .*ModuleNotFoundError.*no_such_module.*\n$/) as string,
    });
  });

  test('ends when its supervisor is killed', async () => {
    const { child, ended } = await started(withPython);
    child.kill('SIGKILL');
    const { stdout } = await ended; // the pipes are closed by the last who holds them
    expect(stdout).toContain('SIGTERM: stopping');
  });
});
