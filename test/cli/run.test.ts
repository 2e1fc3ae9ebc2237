import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT, startTreadle, treadle, type CliResult, type RunningCli } from '../support/cli.ts';
import { testDatabase } from '../support/postgres.ts';

const db = testDatabase();
const folder = mkdtempSync(join(tmpdir(), 'treadle-run-'));
let engine: RunningCli;

beforeAll(async () => {
  engine = startTreadle(['start'], { url: db.url, cwd: PROJECT, env: { TREADLE_QUEUE: 'graphile-worker' } });
  await engine.says('"ready"');
});
afterAll(async () => {
  engine.child.kill('SIGTERM');
  await engine.ended;
  rmSync(folder, { recursive: true });
});

function file(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

function run(...args: readonly string[]): Promise<CliResult> {
  return treadle(['run', 'shop/order', ...args], { url: db.url });
}

async function countTasks(): Promise<number> {
  const [row] = await db.database.query<{ tasks: number }>('select count(*) as tasks from tasker_tasks');
  return row?.tasks ?? 0;
}

const GOOD = '{"order_id": 1, "total": 2.5}';

describe('treadle run', () => {
  it('creates a task and waits until it has ended', async () => {
    const { status, stdout } = await run('--context', GOOD, '--wait', '--tag', 'a,b', '--reason', 'a test');
    const [task] = await db.database.query('select tags, reason, source_system, complete from tasker_tasks');
    expect(stdout).toMatch(/^created task \d+ of shop\/order@1\.0\.0 \(treadle status \d+\)\ncomplete\n$/);
    expect(task).toEqual({ tags: ['a', 'b'], reason: 'a test', source_system: 'cli', complete: true });
    expect(status).toBe(0);
  });

  it('ends with 1 and the reasons when a task fails', async () => {
    const input = file('mixed.jsonl', [GOOD, '{"order_id": 2, "total": 1, "code": "declined"}']);
    const { status, stdout } = await run('-i', input, '--wait');
    expect(status).toBe(1);
    expect(stdout).toMatch(/│ complete │ 1 {5}│/);
    expect(stdout).toMatch(/│ pay {9}│ the card was declined │ 1 {5}│ treadle status \d+ │/);
  });

  it('creates nothing when one row is bad, and says which', async () => {
    const before = await countTasks();
    const input = file('bad.jsonl', [GOOD, '{"order_id": "x", "total": 1}', '', '{oops']);
    const { status, stderr } = await run('-i', input);
    expect(await countTasks()).toBe(before);
    expect(status).toBe(2);
    expect(stderr.split('\n')).toEqual([
      expect.stringContaining('treadle: 2 of 3 rows do not fit shop/order@1.0.0, nothing was created'),
      '  line 2: context.order_id: expected a whole number, came "x"',
      expect.stringMatching(/^ {2}line 4: expected a JSON object/),
      '',
    ]);
  });

  it('reports the first twenty bad rows and counts the others', async () => {
    const input = file(
      'all-bad.jsonl',
      Array.from({ length: 30 }, () => '{"total": 1}'),
    );
    const { stderr } = await run('-i', input);
    expect(stderr.trimEnd().split('\n')).toHaveLength(22);
    expect(stderr).toContain('  and 10 more\n');
  });

  it('leaves bad rows out with --skip-invalid', async () => {
    const input = file('skip.csv', ['order_id,total,express,code', '7,1.5,true,0815', '8,x,,']);
    const { status, stdout } = await run('-i', input, '--skip-invalid', '--json');
    const result = JSON.parse(stdout);
    const [task] = await db.database.query(
      'select context from tasker_tasks where task_id = $1',
      result.task_ids,
    );
    expect({ status, created: result.created, invalid: result.invalid }).toEqual({
      status: 0,
      created: 1,
      invalid: 1,
    });
    expect(task).toEqual({ context: { order_id: 7, total: 1.5, express: true, code: '0815' } });
  });

  it('creates a row once with --identity-key-field', async () => {
    const input = '{"order_id": 100, "total": 1}\n{"order_id": 101, "total": 1}\n';
    const args = ['run', 'shop/order', '-i', '-', '--identity-key-field', 'order_id', '--json'];
    const first = await treadle(args, { url: db.url, input });
    const second = await treadle(args, { url: db.url, input });
    expect(JSON.parse(first.stdout)).toMatchObject({ created: 2, duplicates: 0 });
    expect(JSON.parse(second.stdout)).toMatchObject({ created: 0, duplicates: 2 });
    expect(JSON.parse(second.stdout).task_ids).toEqual(JSON.parse(first.stdout).task_ids);
  });

  it('does without a skippable step, and refuses to bypass another', async () => {
    const [good, bad] = [
      await run('-c', GOOD, '--bypass', 'mail'),
      await run('-c', GOOD, '--bypass', 'ship'),
    ];
    expect(good.status).toBe(0);
    expect(bad).toMatchObject({ status: 2, stderr: expect.stringContaining('"ship" cannot be bypassed') });
  });

  it('says which template was probably meant', async () => {
    const { status, stderr } = await treadle(['run', 'shop/ordr', '-c', GOOD], { url: db.url });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'treadle: no template is registered for shop/ordr (did you mean shop/order?)\n',
    });
  });
});

describe('treadle start', () => {
  it('logs JSON, and ends with 0 at SIGTERM', async () => {
    const { child, ended, says } = startTreadle(['start'], { url: db.url, cwd: PROJECT });
    await says('"ready"');
    child.kill('SIGTERM');
    const { status, stdout } = await ended;
    const messages = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).msg);
    expect(status).toBe(0);
    expect(messages.at(-1)).toBe('stopped: 0 steps ended, 0 given back');
  });
});
