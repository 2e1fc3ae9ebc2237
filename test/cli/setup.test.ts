import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROJECT, startTreadle, treadle } from '../support/cli.ts';
import { createEmptyDatabase, testDatabase, type TestDatabase } from '../support/postgres.ts';

const GOOD = 'name: a\nstep_templates:\n  - { name: s, handler_class: H }\n';
let empty: TestDatabase;
let folder: string;
beforeEach(async () => {
  empty = await createEmptyDatabase();
  folder = mkdtempSync(join(tmpdir(), 'treadle-setup-'));
});
afterEach(async () => {
  await empty.drop();
  rmSync(folder, { recursive: true });
});

describe('a database that is not migrated', () => {
  it('is refused by start, named by doctor, and mended by migrate', async () => {
    const { url } = empty;
    const [start, check, doctor] = await Promise.all([
      treadle(['start'], { url }),
      treadle(['migrate', '--check'], { url }),
      treadle(['doctor'], { url }),
    ]);
    expect(start).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^treadle: .*run "treadle migrate" first\n$/),
    });
    expect(check).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('pending: 0001_rails_schema\n'),
    });
    expect(doctor).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/FAIL {2}migrations +this database has not/),
    });

    const first = await treadle(['migrate', '--json'], { url });
    const second = await treadle(['migrate'], { url });
    expect(JSON.parse(first.stdout)).toMatchObject({
      applied: expect.arrayContaining(['0001_rails_schema']),
      adopted: false,
    });
    expect(second).toMatchObject({ status: 0, stdout: 'nothing to do: the database is up to date\n' });
  });
});

describe('treadle dev', () => {
  it('migrates, says where everything is, runs tasks, and stops in order at Ctrl-C', async () => {
    const dev = startTreadle(['dev'], { url: empty.url, cwd: PROJECT, env: { TREADLE_QUEUE: 'in-memory' } });
    await dev.says('Ctrl-C stops');
    const run = await treadle(['run', 'shop/greet', '-c', '{"name":"x"}', '--wait'], { url: empty.url });
    dev.child.kill('SIGINT');
    const { status, stdout } = await dev.ended;
    expect(run.stdout).toMatch(/complete\n$/);
    expect(stdout).toMatch(
      /templates +shop\/order@1\.0\.0, shop\/greet@1\.0\.0\n +handlers +Accept, Pay, http\n +queue +in-memory/,
    );
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(
      'stopped; tasks that had not ended go on at the next start',
    );
    expect(status).toBe(130);
  });

  it('reports all bad template files and registers nothing', async () => {
    mkdirSync(join(folder, 'templates', 'deep'), { recursive: true });
    writeFileSync(join(folder, 'templates', 'good.yaml'), GOOD);
    writeFileSync(join(folder, 'templates', 'bad.yml'), 'name: b\nstep_templates: []\n');
    writeFileSync(join(folder, 'templates', 'deep', 'worse.json'), '{"name": 1}');
    const { status, stderr } = await treadle(['dev'], { url: empty.url, cwd: folder });
    expect(status).toBe(2);
    expect(stderr).toContain('templates/bad.yml:2:1 step_templates: expected at least one step');
    expect(stderr).toContain('templates/deep/worse.json:1:2 name: expected text');
  });

  it.each([
    ['export const handler = [];', 'expected exports named "handlers"'],
    ['export const handlers = { A: class {} };', 'handler A: expected a class that extends StepHandler'],
    ['throw new Error("broken");', 'cannot be loaded: broken'],
  ])('refuses an app module that says %j', async (text, message) => {
    writeFileSync(join(folder, 'treadle.app.mjs'), text);
    const { status, stderr } = await treadle(['dev'], { url: empty.url, cwd: folder });
    expect({ status, lines: stderr.trimEnd().split('\n').length }).toEqual({ status: 2, lines: 1 });
    expect(stderr).toContain(message);
  });
});

describe('treadle templates check', () => {
  it('needs no database, and lists the problems of all files', async () => {
    const [good, bad] = [join(folder, 'good.yaml'), join(folder, 'bad.yaml')];
    writeFileSync(good, GOOD);
    writeFileSync(bad, 'name: b\nsteps: []\n');
    const [sound, broken] = await Promise.all([
      treadle(['templates', 'check', good]),
      treadle(['templates', 'check', bad, good, join(folder, 'none.yaml'), '--json']),
    ]);
    expect(sound).toEqual({ status: 0, stdout: `${good}: ok, default/a@0.1.0 with 1 steps\n`, stderr: '' });
    expect(broken.status).toBe(2);
    expect(JSON.parse(broken.stderr).error.details.files).toHaveLength(2);
  });
});

describe('treadle doctor', () => {
  const migrated = testDatabase();

  it('finds a fresh database fit, and warns of what is off', async () => {
    const { status, stdout } = await treadle(['doctor', '--json'], { url: migrated.url, cwd: folder });
    const checks: { name: string; status: string }[] = JSON.parse(stdout).checks;
    const failed = checks.filter((check) => check.status === 'fail');
    expect({ status, failed }).toEqual({ status: 0, failed: [] });
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['node', 'version', 'time zone', 'pooling', 'clock']),
    );
  });

  it('says in one place that the server does not answer, and what to do', async () => {
    const { status, stdout } = await treadle(['doctor'], { url: 'postgres://127.0.0.1:1/x', cwd: folder });
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /FAIL {2}postgres +DATABASE_URL names 127\.0\.0\.1:1\/x, which cannot be used: .*ECONNREFUSED/,
    );
    expect(stdout).toContain('-> Check that the server runs');
  });
});
