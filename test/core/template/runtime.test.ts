// `runtime` of a step: which words it takes, that it belongs to the handler, and that it goes through reading and building.
import { expect, test } from 'vitest';
import { defineTask } from '../../../core/template/builder.ts';
import { forEnvironment } from '../../../core/template/environments.ts';
import { readTemplate } from '../../../core/template/read.ts';
import { parseTemplate } from '../../../core/template/template.ts';
import { RUNTIMES } from '../../../core/vocabulary.ts';
import { errorOf, stepOf, templateOf } from './templates.ts';

const withSteps = (...step_templates: readonly object[]) => templateOf({ step_templates });

test.each(RUNTIMES)('%s is kept as it is written, also through a second parse', (runtime) => {
  const template = parseTemplate(withSteps(stepOf('charge', { runtime })));
  expect(template.step_templates[0]?.runtime).toBe(runtime);
  expect(parseTemplate(template)).toEqual(template);
});

test('is nothing where the template does not say it', () => {
  expect(parseTemplate(withSteps(stepOf('charge'))).step_templates[0]).not.toHaveProperty('runtime');
});

test('another word is refused with those that there are', () => {
  const error = errorOf(() =>
    parseTemplate(withSteps(stepOf('charge', { runtime: 'python' })), 'order.yaml'),
  );
  expect(error.message).toBe(
    'order.yaml: step_templates[0].runtime: expected one of "typescript", "native-python", "native-ruby", "worker", came "python"',
  );
});

test('two steps that send one handler to two places are refused, with both named', () => {
  const steps = [stepOf('charge', { runtime: 'worker' }), stepOf('refund', { runtime: 'native-ruby' })];
  expect(errorOf(() => parseTemplate(withSteps(...steps), 'order.yaml')).message).toBe(
    'order.yaml: step_templates[1].runtime: expected one runtime for the handler Work (worker in step charge), came "native-ruby"',
  );
});

test('one step may say it for the others of its handler', () => {
  const template = parseTemplate(withSteps(stepOf('charge', { runtime: 'worker' }), stepOf('refund')));
  expect(template.step_templates.map((step) => step.runtime)).toEqual(['worker', undefined]);
});

test('an environment can change it, and is held to the same rule', () => {
  const steps = [stepOf('charge', { runtime: 'worker' }), stepOf('refund', { runtime: 'worker' })];
  const overlay = (...names: readonly string[]) => ({
    ...withSteps(...steps),
    environments: { test: { step_templates: names.map((name) => ({ name, runtime: 'native-python' })) } },
  });
  const both = forEnvironment(parseTemplate(overlay('charge', 'refund')), 'test');
  expect(both.step_templates.map((step) => step.runtime)).toEqual(['native-python', 'native-python']);
  expect(errorOf(() => parseTemplate(overlay('charge'))).message).toContain(
    'one runtime for the handler Work',
  );
});

test('is read from YAML and said by the builder alike', () => {
  const yaml =
    'name: order\nstep_templates:\n  - { name: charge, handler_class: Charge, runtime: native-python }\n';
  const built = defineTask({ name: 'order' }).step('charge', 'Charge', { runtime: 'native-python' }).build();
  expect(readTemplate(yaml, 'order.yaml')).toEqual(built.template);
});
