// deadline_seconds of a template: read from YAML, kept by every round trip, refused when it is no span of time.
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { defineTask } from '../../../core/template/builder.ts';
import { forEnvironment } from '../../../core/template/environments.ts';
import { readTemplate } from '../../../core/template/read.ts';
import { parseTemplate } from '../../../core/template/template.ts';

const template = {
  name: 'order',
  deadline_seconds: 600.5,
  step_templates: [{ name: 'a', handler_class: 'A' }],
};

test('it comes through the builder, YAML and a second parse', () => {
  const built = defineTask({ name: 'order', deadline_seconds: 600.5 }).step('a', 'A').build().template;
  expect(built).toEqual(parseTemplate(template));
  expect(readTemplate(stringify(built), 'x.yaml')).toEqual(built);
  expect(parseTemplate(built)).toEqual(built);
});

test('an environment may have another', () => {
  const parsed = parseTemplate({ ...template, environments: { test: { deadline_seconds: 5 } } });
  expect(forEnvironment(parsed, 'test').deadline_seconds).toBe(5);
  expect(forEnvironment(parsed, 'production').deadline_seconds).toBe(600.5);
});

test.each([0, -1, '10m', 1e12, null])('%j is refused', (deadline_seconds) => {
  expect(() => parseTemplate({ ...template, deadline_seconds })).toThrow(
    /deadline_seconds: expected a number of seconds above 0, at most 315360000/,
  );
});
