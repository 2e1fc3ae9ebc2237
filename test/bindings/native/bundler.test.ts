// `bundle exec treadle start --native-ruby`: the gems are those of the Gemfile, the gem of this checkout among them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTreadle, treadle, type RunningCli } from '../../support/cli.ts';
import { nativeRuby } from '../../support/native-ruby.ts';
import { testDatabase } from '../../support/postgres.ts';

const GEM = join(import.meta.dirname, '..', '..', '..', 'bindings', 'ruby');
/** Bundler comes with Ruby, the program `bundle` not on every machine. */
const BUNDLE = ['ruby', '-e', 'load Gem.bin_path("bundler", "bundle")', '--', 'exec'];
const lacking = await nativeRuby();
const home = testDatabase();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'treadle-bundler-'));
  mkdirSync(join(folder, 'templates'));
  const step = '{ name: only, handler_class: Bundled, runtime: native-ruby }';
  write('templates/bundled.yaml', `namespace_name: gems\nname: bundled\nstep_templates:\n  - ${step}\n`);
  write('Gemfile', `gem 'treadle', path: '${GEM}'\n`);
  write('handlers.rb', HANDLER);
});
afterAll(() => rmSync(folder, { recursive: true }));

const HANDLER = `require 'treadle'
class Bundled < Treadle::StepHandler
  def process(_task, _sequence, _step) = { gemfile: ENV.fetch('BUNDLE_GEMFILE'), loaded: Gem.loaded_specs.key?('treadle') }
end
`;

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);

/** Nothing but Bundler leads to the gem. */
const started = (by: readonly string[]): RunningCli =>
  startTreadle(['start', '--native-ruby', './handlers.rb'], {
    url: home.url,
    cwd: folder,
    by,
    env: { RUBYLIB: '', TREADLE_GRACE_SECONDS: '1' },
  });

test.skipIf(lacking)('handlers find the gems of the Gemfile', async () => {
  const engine = started(BUNDLE);
  try {
    await engine.says('"msg":"ready"');
    const run = await treadle(['run', 'gems/bundled', '-c', '{"n":1}', '--wait'], { url: home.url });
    expect(run).toMatchObject({ status: 0 });
    const [row] = await home.database.query('select results from public.tasker_workflow_steps');
    expect(row).toEqual({ results: { gemfile: join(folder, 'Gemfile'), loaded: true } });
  } finally {
    engine.child.kill('SIGTERM');
    await engine.ended;
  }
});

test.skipIf(lacking)('without Bundler there is no such gem, which is said in one line', async () => {
  const { status, stderr } = await started([]).ended;
  const message =
    'treadle: the gem treadle is not there: install it, start with bundle exec, or put its lib into RUBYLIB\n';
  expect([status, stderr]).toEqual([2, message]);
});
