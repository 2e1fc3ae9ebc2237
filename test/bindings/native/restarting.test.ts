// A process with deaf handlers says so, and is started again when there are too many of them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTreadle, treadle, type RunningCli } from '../../support/cli.ts';
import { nativeRuby } from '../../support/native-ruby.ts';
import { NATIVE_HANDLERS, nativePython } from '../../support/native.ts';
import { testDatabase } from '../../support/postgres.ts';

const { environment, skipped } = await nativePython();
const withPython = ['--native-python', 'native_handlers', '--python-env', environment];
const withRuby = ['--native-ruby', join(NATIVE_HANDLERS, 'native_handlers.rb')];
const LANGUAGES = [
  { language: 'python', flags: withPython, lacking: skipped },
  { language: 'ruby', flags: withRuby, lacking: await nativeRuby() },
];
const DEAF = 'a native handler is deaf: restart this process';
const home = testDatabase();
let folder: string;
let runs = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'treadle-restarting-'));
  mkdirSync(join(folder, 'templates'));
  const step = `{ name: only, handler_class: AsleepOnce, timeout_seconds: 0.2 }`;
  for (const { language } of LANGUAGES) {
    const template = `namespace_name: deaf\nname: ${language}\nstep_templates:\n  - ${step}\n`;
    writeFileSync(join(folder, 'templates', `${language}.yaml`), template);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

async function started(flags: readonly string[]): Promise<RunningCli> {
  const env = { PYTHONPATH: NATIVE_HANDLERS, TREADLE_GRACE_SECONDS: '1' };
  const running = startTreadle(['start', ...flags], { url: home.url, cwd: folder, env });
  await running.says('"msg":"ready"');
  return running;
}

/** A task of its own each time. */
function run(language: string) {
  const context = JSON.stringify({ n: (runs += 1) });
  return treadle(['run', `deaf/${language}`, '-c', context, '--wait'], { url: home.url });
}

describe.each(LANGUAGES)('an engine with a deaf handler in $language', ({ language, flags, lacking }) => {
  let engine: RunningCli;
  afterAll(() => engine?.child.kill('SIGKILL'));

  test.skipIf(lacking)('goes on, and its health says what to do', async () => {
    engine = await started([...flags, '--http', '127.0.0.1:0']);
    expect(await run(language)).toMatchObject({ status: 0 });
    const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(await engine.says(DEAF)) ?? [];
    const ready = await fetch(`${url}/health/ready`);
    const message = `degraded: ${DEAF} (${language}: AsleepOnce)`;
    expect([ready.status, await ready.json()]).toMatchObject([200, { ready: true, message }]);
  });

  test.skipIf(lacking)('still ends in order', async () => {
    engine.child.kill('SIGTERM');
    expect((await engine.ended).status).toBe(0);
  });

  test.skipIf(lacking)('is started again when there are too many', async () => {
    engine = await started([...flags, '--native-deaf-limit', '1']);
    expect(await run(language)).toMatchObject({ status: 0 });
    await engine.says("the engine's process ended for deaf handlers; starting it again in 200 ms");
    expect(await run(language)).toMatchObject({ status: 0 });
    engine.child.kill('SIGTERM');
    await engine.ended;
  });

  test.skipIf(lacking)('ends with 75 when nobody of ours is there to start it again', async () => {
    engine = await started([...flags, '--native-deaf-limit', '1', '--no-supervise']);
    expect(await run(language)).toMatchObject({ status: 0 });
    expect((await engine.ended).status).toBe(75);
  });
});
