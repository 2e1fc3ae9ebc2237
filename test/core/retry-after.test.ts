import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseHttpDate, parseRetryAfter } from '../../core/retry-after.ts';

const now = Date.UTC(2026, 0, 1);

test.each([
  ['0', 0],
  [' 120 ', 120],
  ['Thu, 01 Jan 2026 00:01:30 GMT', 90],
  ['Thursday, 01-Jan-26 00:01:30 GMT', 90],
  ['Thu Jan  1 00:01:30 2026', 90],
  ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
])('"%s" is %i seconds', (header, seconds) => {
  expect(parseRetryAfter(header, now)).toBe(seconds);
});

test.each([
  null,
  undefined,
  '',
  '-5',
  '1.5',
  '1e3',
  'soon',
  '2026-01-01T00:00:00Z',
  'Thu, 01 Foo 2026 00:00:00 GMT',
])('%o says nothing', (header) => {
  expect(parseRetryAfter(header, now)).toBeUndefined();
});

test('a two-digit year more than 50 years ahead is of the past century', () => {
  expect(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT', now)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37));
});

test('hours beyond a day make no date', () => {
  expect(parseHttpDate('Thu, 01 Jan 2026 24:00:00 GMT', now)).toBeUndefined();
});

test('any instant in the form that servers send comes back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
      return parseHttpDate(new Date(seconds * 1000).toUTCString(), now) === seconds * 1000;
    }),
  );
});

test('whatever comes, the answer is undefined or seconds that are not negative', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.bigInt().map(String)), (header) => {
      const seconds = parseRetryAfter(header, now);
      return seconds === undefined || (Number.isFinite(seconds) && seconds >= 0);
    }),
  );
});
