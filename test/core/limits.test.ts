// What may be said of limits: in templates, with the typed builder, and in one word on the command line.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRate } from '../../core/limits/limits.ts';
import { periodMs, periodText } from '../../core/limits/period.ts';
import { defineTask } from '../../core/template/builder.ts';
import { parseTemplate } from '../../core/template/template.ts';

const concurrency = { limit: 1, key: '{{ context.customer_id }}' };
const rate = { limit: 100, per: '1m' };
const templateWith = (limits: object, onTask: object = {}) =>
  parseTemplate({
    name: 'charge',
    ...onTask,
    step_templates: [{ name: 'work', handler_class: 'Work', ...limits }],
  });

test('steps and tasks can have limits, and reading them again changes nothing', () => {
  const template = templateWith({ concurrency, rate }, { concurrency: { limit: 5 }, rate });
  expect(template).toMatchObject({
    concurrency: { limit: 5 },
    rate,
    step_templates: [{ concurrency, rate }],
  });
  expect(parseTemplate(template)).toEqual(template);
});

test('the typed builder takes the same', () => {
  const built = defineTask({ name: 'charge', rate }).step('work', 'Work', { concurrency }).build();
  expect(built.template).toEqual(templateWith({ concurrency }, { rate }));
});

test.each([
  [{ concurrency: { limit: 0 } }, 'concurrency.limit'],
  [{ concurrency: { limit: 1.5 } }, 'concurrency.limit'],
  [{ concurrency: 5 }, 'concurrency'],
  [{ concurrency: { limit: 1, key: '{{ customer_id }}' } }, 'concurrency.key'],
  [{ concurrency: { limit: 1, key: '{{ context.a' } }, 'concurrency.key'],
  [{ concurrency: { limit: 1, key: ' ' } }, 'concurrency.key'],
  [{ concurrency: { limits: 1 } }, 'concurrency'],
  [{ rate: { limit: 100 } }, 'rate.per'],
  [{ rate: { limit: 100, per: '1 minute' } }, 'rate.per'],
  [{ rate: { limit: 100, per: '0s' } }, 'rate.per'],
  [{ rate: { limit: 1_000_001, per: '1s' } }, 'rate.limit'],
])('a template with %j is refused where it is wrong', (limits, path) => {
  expect(() => templateWith(limits)).toThrow(`step_templates[0].${path}`);
});

test.each(['100', '100/', '/1m', '0/1m', '1.5/1m', '100/1y', '100/1m/2', '-1/1s'])(
  '%s is no rate',
  (text) => {
    expect(() => parseRate(text)).toThrow(/expected a rate like 100\/1m .*, came "/);
  },
);

test('a rate in one word is a number and a period', () => {
  expect(parseRate('100/1m')).toEqual({ limit: 100, per_ms: 60_000 });
});

test('a period comes back as it was, in the largest unit that holds it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 366 * 86_400_000 }), (ms) => {
      expect(periodMs(periodText(ms))).toBe(ms);
    }),
  );
  expect(periodText(90_000)).toBe('90s');
  expect(periodText(86_400_000)).toBe('1d');
});
