// How often an engine asks, as a law: what adds up while nothing happens, and what makes it ask more often.
import { expect, test } from 'vitest';
import { claimPollMs, QUIET_POLL_MS, roundMs, roundsLookForSteps } from '../../engine/periods.ts';

const quiet = { pollIntervalMs: 1000, hears: true, running: 0, othersQuiet: true };

test('while nobody works and notifications arrive, the claim loop leaves the looking to the rounds', () => {
  expect(claimPollMs(quiet)).toBe(QUIET_POLL_MS);
});

test.each([
  ['notifications do not arrive', { hears: false }],
  ['steps run here', { running: 1 }],
  ['others run steps', { othersQuiet: false }],
])('where %s the claim loop polls as often as it was asked to', (_why, busy) => {
  expect(claimPollMs({ ...quiet, ...busy })).toBe(1000);
  expect(claimPollMs({ ...quiet, ...busy, pollIntervalMs: 200 })).toBe(200);
});

test('whoever wants no polling gets none', () => {
  const never = 2 ** 31 - 1;
  expect([claimPollMs({ ...quiet, pollIntervalMs: never }), roundsLookForSteps(never)]).toEqual([
    never,
    false,
  ]);
});

test('a round comes three times in a lease, and every five seconds at least', () => {
  expect([roundMs(1), roundMs(15), roundMs(3600)]).toEqual([1000 / 3, 5000, 5000]);
});
