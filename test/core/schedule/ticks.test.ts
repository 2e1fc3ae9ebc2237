// When schedules come due: where clocks change, within bounds, forwards as backwards; and what is no schedule at all.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cronProblem, isTimezone, Ticks } from '../../../core/schedule/ticks.ts';

const at = (text: string) => new Date(text);

/** The next so many ticks, as UTC text without seconds. */
function next(cron: string, timezone: string, from: string, count: number): string[] {
  const ticks = new Ticks({ cron, timezone }).next(count, at(from));
  return ticks.map((tick) => tick.toISOString().slice(5, 16));
}

// In Paris 29 March 2026 has no time from 02:00 to 03:00 (01:00Z), 25 October has it twice (00:00Z and 01:00Z).
describe('in the night in which the clock goes forward', () => {
  const day = '2026-03-28T12:00:00Z';

  test.each([
    ['a time that does not exist comes at the end of the gap', '30 2 * * *', ['03-29T01:00', '03-30T00:30']],
    ['of several such times one comes', '0,30 2 * * *', ['03-29T01:00', '03-30T00:00', '03-30T00:30']],
    [
      'so it is where another time of that day exists',
      '0 2,14 * * *',
      ['03-28T13:00', '03-29T01:00', '03-29T12:00'],
    ],
    ['other times of that day come by the clock on the wall', '0 9 * * *', ['03-29T07:00', '03-30T07:00']],
  ])('%s', (_name, cron, expected) => {
    expect(next(cron, 'Europe/Paris', day, expected.length)).toEqual(expected);
  });

  test('what repeats within the hour goes on by elapsed time', () => {
    const ticks = next('*/30 * * * *', 'Europe/Paris', '2026-03-29T00:00:00Z', 4);
    expect(ticks).toEqual(['03-29T00:30', '03-29T01:00', '03-29T01:30', '03-29T02:00']);
  });
});

describe('in the night in which the clock goes back', () => {
  const evening = '2026-10-24T20:00:00Z';

  test.each([
    ['a time that exists twice comes the first time', '30 2 * * *', ['10-25T00:30', '10-26T01:30']],
    [
      'so it is for lists and ranges of such times',
      '0,30 2 * * *',
      ['10-25T00:00', '10-25T00:30', '10-26T01:00'],
    ],
    ['other times of that day come by the clock on the wall', '0 9 * * *', ['10-25T08:00', '10-26T08:00']],
  ])('%s', (_name, cron, expected) => {
    expect(next(cron, 'Europe/Paris', evening, expected.length)).toEqual(expected);
  });

  test('what repeats every hour comes in both of them', () => {
    const ticks = next('30 * * * *', 'Europe/Paris', '2026-10-24T23:40:00Z', 3);
    expect(ticks).toEqual(['10-25T00:30', '10-25T01:30', '10-25T02:30']);
  });
});

test('the same expression comes at other instants in other zones', () => {
  expect(next('0 9 * * *', 'Asia/Kolkata', '2026-06-01T00:00:00Z', 1)).toEqual(['06-01T03:30']);
  expect(next('0 9 * * *', 'America/New_York', '2026-06-01T00:00:00Z', 1)).toEqual(['06-01T13:00']);
});

test('six fields count seconds, words stand for expressions', () => {
  const tick = new Ticks({ cron: '*/10 * * * * *', timezone: 'UTC' }).after(at('2026-01-01T00:00:00.500Z'));
  expect(tick).toEqual(at('2026-01-01T00:00:10Z'));
  expect(next('@hourly', 'UTC', '2026-01-01T00:00:00Z', 2)).toEqual(['01-01T01:00', '01-01T02:00']);
});

test('there is a tick at the start, and none at the end or after it', () => {
  const bounds = { starts_at: at('2026-01-01T10:00:00Z'), ends_at: at('2026-01-01T12:00:00Z') };
  const ticks = new Ticks({ cron: '@hourly', timezone: 'UTC', ...bounds });
  const both = [at('2026-01-01T10:00:00Z'), at('2026-01-01T11:00:00Z')];
  expect(ticks.next(5, at('2025-12-31T00:00:00Z'))).toEqual(both);
  expect([...ticks.upTo(at('2026-01-02T00:00:00Z'))]).toEqual(both.toReversed());
});

const crons = fc.constantFrom(
  '*/7 * * * *',
  '30 2 * * *',
  '0,30 1-3 * * *',
  '15 * * * *',
  '0 0 1 * *',
  '5 2 * * sun',
);
const zones = fc.constantFrom('UTC', 'Europe/Paris', 'America/New_York', 'Australia/Lord_Howe');
/** Around the changes of clocks of these zones, more often than not. */
const instants = fc
  .tuple(
    fc.constantFrom(
      '2026-03-08',
      '2026-03-29',
      '2026-04-05',
      '2026-10-04',
      '2026-10-25',
      '2026-11-01',
      '2026-07-01',
    ),
    fc.integer({ min: -86_400_000, max: 172_800_000 }),
  )
  .map(([day, ms]) => new Date(at(`${day}T00:00:00Z`).getTime() + ms));

test('going back finds what going forward found', () => {
  fc.assert(
    fc.property(crons, zones, instants, (cron, timezone, from) => {
      const ticks = new Ticks({ cron, timezone });
      const forward = ticks.next(6, from);
      const last = forward.at(-1) ?? from;
      const back: Date[] = [];
      for (const tick of ticks.upTo(last)) {
        if (tick <= from) break;
        back.unshift(tick);
      }
      expect(back).toEqual(forward);
    }),
    { numRuns: 300 },
  );
});

describe('cronProblem', () => {
  test.each([
    ['* * * *', /five fields/],
    ['', /five fields/],
    ['* * * * * * 2030', /five fields/],
    ['@reboot', /five fields/],
    ['2026-12-01T00:00:00', /five fields/],
    ['61 * * * *', /fields that cron knows: Invalid value for minute: 61$/],
    ['0 0 30 2 *', /a date that exists/],
  ])('says what is wrong with "%s"', (cron, problem) => {
    expect(cronProblem(cron)).toMatch(problem);
  });

  test.each(['*/5 * * * *', '0 7 * * mon-fri', '0 0 29 2 *', '30 0 12 * * *', '@daily', '@Weekly'])(
    'has nothing against "%s"',
    (cron) => {
      expect(cronProblem(cron)).toBeUndefined();
    },
  );
});

test('a time zone is an IANA name, no offset', () => {
  expect(['Europe/Paris', 'UTC', 'Europe/Pari', '+02:00', ''].map(isTimezone)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
