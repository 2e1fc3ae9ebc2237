// Compiled extensions inside of this process: each is built from C for its interpreter, and called by handlers.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../../scripts/programs.ts';
import { ruby } from '../../../scripts/toolchains.ts';
import { nativeRuby } from '../../support/native-ruby.ts';
import { NATIVE_HANDLERS, NativeCalls, nativePython } from '../../support/native.ts';

const SOURCES = join(NATIVE_HANDLERS, 'extension');
const { environment, skipped } = await nativePython();
const withoutRuby = await nativeRuby();

/** As `setup.py build_ext` does. */
async function buildForPython(folder: string): Promise<void> {
  const facts = `import sysconfig; print(sysconfig.get_path("include"), sysconfig.get_config_var("EXT_SUFFIX"))`;
  const { said } = await run(join(environment, 'bin', 'python'), ['-c', facts]);
  const [include = '', suffix = ''] = said.trim().split(' ');
  const library = join(folder, `tally${suffix}`);
  const source = join(SOURCES, 'python_tally.c');
  await expectToWork('cc', ['-shared', '-fPIC', '-pthread', `-I${include}`, source, '-o', library]);
}

/** As RubyGems does. */
async function buildForRuby(folder: string): Promise<void> {
  const toolchain = await ruby();
  copyFileSync(join(SOURCES, 'ruby_tally.c'), join(folder, 'tally.c'));
  writeFileSync(join(folder, 'extconf.rb'), `require 'mkmf'\ncreate_makefile('tally')\n`);
  await expectToWork(toolchain.ok ? toolchain.ruby : 'ruby', ['-C', folder, 'extconf.rb']);
  await expectToWork('make', ['-C', folder]);
}

async function expectToWork(program: string, args: readonly string[]): Promise<void> {
  const { ok, said } = await run(program, args);
  if (!ok) throw new Error(`${program} ${args.join(' ')}: ${said}`);
}

const python = { language: 'python', modules: ['extension_handlers'], environment } as const;
const LANGUAGES = [
  { ...python, lacking: skipped, build: buildForPython, error_class: 'ValueError' },
  {
    language: 'ruby',
    modules: ['extension_handlers.rb'],
    lacking: withoutRuby,
    build: buildForRuby,
    error_class: 'ArgumentError',
  },
] as const;

describe.each(LANGUAGES)('an extension in C for $language', ({ lacking, build, error_class, ...options }) => {
  let calls: NativeCalls;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'treadle-extension-'));
    process.env['NATIVE_TEST_EXTENSIONS'] = folder;
    if (lacking !== undefined) return;
    await build(folder);
    calls = await NativeCalls.start({ ...options, directory: SOURCES, concurrency: 2 });
  });
  afterAll(async () => {
    await calls?.stop();
    rmSync(folder, { recursive: true });
  });

  test.skipIf(lacking)('keeps its state from one attempt to the next', async () => {
    expect(await calls.results('Counts')).toEqual({ counted: 1 });
    expect(await calls.results('Counts')).toEqual({ counted: 2 });
  });

  test.skipIf(lacking)('raises into the handler', async () => {
    const { result } = await calls.call('Refuses').outcome;
    expect(result).toMatchObject({ $case: 'failed', value: { error: 'refused in C', error_class } });
  });

  test.skipIf(lacking)('lets the others go on while it waits without the interpreter', async () => {
    expect(await Promise.all([calls.results('Meets'), calls.results('Meets')])).toHaveLength(2);
  });

  test.skipIf(lacking)('that holds the interpreter does not hold JavaScript', async () => {
    const holding = calls.call('Holds', { seconds: 1 });
    await holding.begun;
    const others = calls.results('Counts');
    const turns = async (): Promise<string> => {
      for (let turn = 0; turn < 10; turn += 1) await pause(1);
      return 'JavaScript';
    };
    expect(await Promise.race([turns(), others.then(() => 'the others')])).toBe('JavaScript');
    expect((await holding.outcome).result).toMatchObject({ $case: 'completed' });
    expect(await others).toEqual({ counted: 3 });
  });
});
