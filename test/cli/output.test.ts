import { PassThrough } from 'node:stream';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { durationText, parseDuration } from '../../cli/duration.ts';
import { idRanges } from '../../cli/id-ranges.ts';
import { prettyLine, prettyLog } from '../../cli/pretty-log.ts';
import { showProgress } from '../../cli/progress.ts';
import { Terminal } from '../../cli/terminal.ts';

const plain = pc.createColors(false);
const NOON = new Date(2026, 0, 31, 12, 3, 4).getTime();

function written(stream: PassThrough): string {
  return String(stream.read() ?? '');
}

describe('a log line', () => {
  it('shows time, message and fields with short names', () => {
    const line = JSON.stringify({
      level: 30,
      time: NOON,
      pid: 1,
      task_id: 12,
      step_name: 'reserve',
      msg: 'step failed',
    });
    expect(prettyLine(line, plain)).toBe('12:03:04 step failed task=12 step=reserve');
  });

  it('shows its level when it matters, and the first line of its error', () => {
    const line = JSON.stringify({
      level: 50,
      time: NOON,
      err: { message: 'gone\nat x' },
      msg: 'claiming failed',
    });
    expect(prettyLine(line, plain)).toBe('12:03:04 ERROR claiming failed: gone');
  });

  it('that is no JSON stays as it is', () => {
    expect(prettyLine('Warning: odd', plain)).toBe('Warning: odd');
  });

  it('may arrive in pieces', () => {
    const output = new PassThrough();
    const log = prettyLog(output, plain);
    const [head, tail] = [
      Buffer.from('{"msg":"caf\u00e9"}\n').subarray(0, 12),
      Buffer.from('{"msg":"caf\u00e9"}\n').subarray(12),
    ];
    log.write(head);
    log.write(tail);
    expect(written(output)).toBe('café\n');
  });
});

describe('progress', () => {
  it('is plain lines where no terminal is', () => {
    const err = new PassThrough();
    const progress = showProgress(new Terminal(false, new PassThrough(), err), 'created', 10, 0);
    progress.update(5, '');
    progress.update(10, 'complete 10');
    progress.stop();
    expect(written(err)).toBe('created 5 of 10\ncreated 10 of 10  complete 10\n');
  });

  it('is silent with --json, for one task, and when all is done at once', () => {
    const err = new PassThrough();
    const shown = [
      showProgress(new Terminal(true, new PassThrough(), err), 'created', 10, 0),
      showProgress(new Terminal(false, new PassThrough(), err), 'created', 1, 0),
      showProgress(new Terminal(false, new PassThrough(), err), 'created', 10, 60_000),
    ];
    for (const progress of shown) {
      progress.update(1, '');
      progress.stop();
    }
    expect(written(err)).toBe('');
  });
});

describe('colours', () => {
  it('are for terminals only', () => {
    const { colors } = new Terminal(false, new PassThrough(), new PassThrough());
    expect(colors.red('x')).toBe('x');
  });
});

describe('durations', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [3400, '3.4 s'],
    [125_000, '2 min 5 s'],
    [3_600_000, '1 h'],
    [90 * 3_600_000, '3 d 18 h'],
    [-5, '0 ms'],
  ])('of %d ms are written %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  it.each([
    ['90s', 90],
    ['1.5h', 5400],
    ['7d', 604_800],
  ])('%s is read as %d s', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['', '5', 'h', '-1h', '1y'])('%j is refused', (text) => {
    expect(() => parseDuration(text)).toThrow('Expected a duration');
  });
});

describe('id ranges', () => {
  it('hold exactly the ids, in any order and with repetitions', () => {
    expect(idRanges([5, 1, 2, 2, 3, 9])).toEqual([
      { first: 1, last: 3 },
      { first: 5, last: 5 },
      { first: 9, last: 9 },
    ]);
    expect(idRanges([])).toEqual([]);
  });
});
