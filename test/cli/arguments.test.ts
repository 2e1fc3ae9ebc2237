import { describe, expect, it } from 'vitest';
import { treadle } from '../support/cli.ts';

describe('treadle', () => {
  it.each([
    [['stauts', '1'], "treadle: unknown command 'stauts' (Did you mean status?)\n"],
    [['tasks', '--limt', '3'], "treadle: unknown option '--limt' (Did you mean --limit?)\n"],
    [['run', 'shop/order'], 'treadle: expected either --input <file> or --context <json>\n'],
  ])('answers %j with one line and status 2', async (args, line) => {
    expect(await treadle(args)).toEqual({ status: 2, stdout: '', stderr: line });
  });

  it('prints an error as JSON with --json', async () => {
    const { status, stderr } = await treadle(['status', 'seven', '--json']);
    expect(status).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'invalid_argument', details: {} } });
  });

  it('prints its version and its help', async () => {
    const [version, help] = await Promise.all([treadle(['--version']), treadle(['run', '--help'])]);
    expect(version).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(help).toMatchObject({ status: 0, stdout: expect.stringContaining('Examples:\n  $ treadle run') });
  });

  it('names the variable of a bad configuration, and shows a stack with --debug only', async () => {
    const plain = await treadle(['tasks'], { env: { DATABASE_URL: 'mysql://u:secret@h/d' } });
    const debug = await treadle(['tasks', '--debug'], { env: { DATABASE_URL: 'mysql://u:secret@h/d' } });
    expect(plain).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^treadle: DATABASE_URL: .*\n$/),
    });
    expect(debug.stderr).toContain('    at ');
  });

  it('says what to do where there is no database at all, and makes none', async () => {
    const { status, stderr } = await treadle(['tasks'], { env: { TREADLE_DATA_DIR: '/nowhere/at/all' } });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^treadle: DATABASE_URL is not set.*"treadle dev".*\n$/);
  });
});
