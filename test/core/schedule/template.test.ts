// `schedule:` of a template: read from YAML, kept by every round trip, checked with line and column.
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { forEnvironment } from '../../../core/template/environments.ts';
import { readTemplate } from '../../../core/template/read.ts';
import { parseTemplate } from '../../../core/template/template.ts';
import { errorOf } from '../template/templates.ts';

const head = { name: 'report', step_templates: [{ name: 'a', handler_class: 'A' }] };
const nightly = { cron: '0 2 * * *', timezone: 'Europe/Paris', context: { shop: 1 } };
const schema = { type: 'object', properties: { shop: { type: 'integer' } }, required: ['shop'] };

const message = (schedule: unknown) =>
  errorOf(() => parseTemplate({ ...head, schema, schedule }, 'report')).message;

test('what it leaves out is filled in, and a second parse changes nothing', () => {
  const parsed = parseTemplate({ ...head, schedule: { cron: '@daily', context: { shop: 1 } } });
  const filled = {
    cron: '@daily',
    timezone: 'UTC',
    context: { shop: 1 },
    missed: 'skip',
    backfill_limit: 100,
  };
  expect(parsed.schedule).toEqual(filled);
  expect(parseTemplate(parsed)).toEqual(parsed);
  expect(readTemplate(stringify(parsed), 'x.yaml')).toEqual(parsed);
});

test('a list is kept as one', () => {
  const schedule = [nightly, { ...nightly, name: 'noon', cron: '0 12 * * *' }];
  expect(parseTemplate({ ...head, schedule }).schedule).toHaveLength(2);
});

test('an environment may change a part of it, or be the only one that has it', () => {
  const environments = { production: { schedule: { cron: '@hourly' } }, test: { schedule: nightly } };
  const parsed = parseTemplate({ ...head, schedule: nightly, environments });
  expect(forEnvironment(parsed, 'production').schedule).toMatchObject({
    cron: '@hourly',
    timezone: 'Europe/Paris',
  });
  expect(
    forEnvironment(parseTemplate({ ...head, environments: { test: { schedule: nightly } } }), 'dev').schedule,
  ).toBe(undefined);
});

describe('one line says what is wrong with it', () => {
  test.each([
    [{ ...nightly, cron: '* * *' }, /^report: schedule.cron: expected a cron expression with five fields/],
    [{ ...nightly, cron: '61 * * * *' }, /Invalid value for minute: 61, came "61 \* \* \* \*"$/],
    [
      { ...nightly, timezone: 'Paris' },
      /schedule.timezone: expected an IANA time zone such as .*, came "Paris"$/,
    ],
    [
      { ...nightly, missed: 'all' },
      /schedule.missed: expected one of "skip", "once", "backfill", came "all"$/,
    ],
    [
      { ...nightly, backfill_limit: 0 },
      /schedule.backfill_limit: expected a whole number from 1 to 1000, came 0$/,
    ],
    [{ ...nightly, ends_at: 'tomorrow' }, /schedule.ends_at: expected an instant such as/],
    [{ ...nightly, name: 'a/b' }, /schedule.name: expected text .* without a slash, came "a\/b"$/],
    [{ ...nightly, timezon: 'UTC' }, /schedule.timezon: expected a known key \(did you mean "timezone"\?\)/],
    [{ ...nightly, context: { shop: 'x' } }, /schedule.context.shop: expected .*, came "x"$/],
    [
      { ...nightly, context: {} },
      /schedule.context: expected an object with at least one key, came an empty object/,
    ],
    [[nightly, nightly], /schedule\[1\].name: expected a name of its own, came none for a second time$/],
    [
      [nightly, { ...nightly, name: 'b', cron: 7 }],
      /schedule\[1\].cron: expected a cron expression .*, came 7$/,
    ],
    [
      { ...nightly, starts_at: '2026-02-01T00:00:00Z', ends_at: '2026-01-01T00:00:00Z' },
      /an instant after starts_at/,
    ],
  ])('%j', (schedule, expected) => {
    expect(message(schedule)).toMatch(expected);
  });

  test('with its line in the file', () => {
    const text = stringify({ ...head, schedule: { ...nightly, cron: 'often' } });
    expect(errorOf(() => readTemplate(text, 'report.yaml')).message).toMatch(
      /^report\.yaml:\d+:3 schedule\.cron:/,
    );
  });
});
