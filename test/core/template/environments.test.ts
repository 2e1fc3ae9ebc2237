import { describe, expect, test } from 'vitest';
import { forEnvironment } from '../../../core/template/environments.ts';
import { parseTemplate } from '../../../core/template/template.ts';
import { errorOf, problemPaths, stepOf, templateOf } from './templates.ts';

/** The template as it is in the environment `test`, which changes these keys. */
function merged(overlay: Record<string, unknown>, base: Record<string, unknown> = {}) {
  return forEnvironment(parseTemplate(templateOf({ ...base, environments: { test: overlay } })), 'test');
}

function paths(overlay: Record<string, unknown>, base: Record<string, unknown> = {}): string[] {
  return problemPaths(() => parseTemplate(templateOf({ ...base, environments: { test: overlay } })));
}

describe('the template of an environment', () => {
  test('is the base where the environment is not named', () => {
    const template = parseTemplate(templateOf({ environments: { test: { description: 'x' } } }));
    const { environments: _environments, ...base } = template;
    expect(forEnvironment(template, 'production')).toEqual(base);
    expect(forEnvironment(template, 'constructor')).toEqual(base);
  });

  test('changes steps by name and leaves them where they are', () => {
    const template = merged({ step_templates: [{ name: 'ship', default_retry_limit: 9 }] });
    expect(template.step_templates.map((step) => [step.name, step.default_retry_limit])).toEqual([
      ['reserve', 3],
      ['ship', 9],
    ]);
  });

  test('merges objects deeply and replaces lists', () => {
    const step_templates = [
      stepOf('reserve', { handler_config: { url: 'a', tags: [1, 2], deep: { x: 1 } } }),
    ];
    const change = { name: 'reserve', handler_config: { url: 'b', tags: [3], deep: { y: 2 } } };
    const template = merged({ step_templates: [change] }, { step_templates });
    const expected = { url: 'b', tags: [3], deep: { x: 1, y: 2 } };
    expect(template.step_templates[0]?.handler_config).toEqual(expected);
  });

  test('does not keep the environments', () => {
    expect(merged({ description: 'in test' })).not.toHaveProperty('environments');
    expect(merged({ description: 'in test' }).description).toBe('in test');
  });

  test('takes the new parents when an environment changes them, in either key', () => {
    const step_templates = [
      stepOf('a'),
      stepOf('b'),
      stepOf('c', { depends_on_step: 'a', depends_on_steps: ['b'] }),
    ];
    const parents = (change: Record<string, unknown>) =>
      merged({ step_templates: [{ name: 'c', ...change }] }, { step_templates }).step_templates[2]
        ?.depends_on_steps;
    expect(parents({ depends_on_step: 'b' })).toEqual(['b']);
    expect(parents({ depends_on_steps: [] })).toEqual(['a']);
    expect(parents({ skippable: true })).toEqual(['a', 'b']);
  });

  test('takes the new default system for steps without their own', () => {
    const step_templates = [stepOf('a'), stepOf('b', { dependent_system: 'carrier' })];
    const template = merged({ default_dependent_system: 'fake' }, { step_templates });
    expect(template.step_templates.map((step) => step.dependent_system)).toEqual(['fake', 'carrier']);
  });

  test('is the same from a template that was stored and read again', () => {
    const step_templates = [stepOf('a'), stepOf('b'), stepOf('c', { depends_on_step: 'a' })];
    const change = {
      default_dependent_system: 'fake',
      step_templates: [{ name: 'c', depends_on_step: 'b' }],
    };
    const once = parseTemplate(templateOf({ step_templates, environments: { test: change } }));
    const again = parseTemplate(JSON.parse(JSON.stringify(once)));
    expect(again).toEqual(once);
    expect(forEnvironment(again, 'test')).toEqual(forEnvironment(once, 'test'));
  });

  test('is checked again when it was changed after parsing', () => {
    const template = parseTemplate(templateOf({ environments: { test: { description: 'x' } } }));
    const changed = { ...template, environments: { test: { version: 'x' } } };
    expect(errorOf(() => forEnvironment(changed, 'test')).message).toMatch(
      /^default\/order@0.1.0 in test: version/,
    );
  });
});

describe('a bad environment is found when the template is parsed', () => {
  test('in the place of the overlay that caused it', () => {
    expect(paths({ step_templates: [{ name: 'ship', default_retry_limit: 0 }] })).toEqual([
      'environments.test.step_templates[0].default_retry_limit',
    ]);
    expect(paths({ schema: { type: 'x' } })).toEqual(['environments.test.schema.type']);
  });

  test('a step that the base does not have', () => {
    expect(paths({ step_templates: [{ name: 'shipp', skippable: true }] })).toEqual([
      'environments.test.step_templates[0].name',
    ]);
  });

  test('the same step twice, steps that are no list, environments inside', () => {
    expect(paths({ step_templates: [{ name: 'ship' }, { name: 'ship' }] })).toEqual([
      'environments.test.step_templates[1].name',
    ]);
    expect(paths({ step_templates: 'x' })).toEqual(['environments.test.step_templates']);
    expect(paths({ environments: {} })).toEqual(['environments.test.environments']);
  });

  test('a cycle that only the environment closes', () => {
    const call = () =>
      parseTemplate(
        templateOf({
          environments: { test: { step_templates: [{ name: 'reserve', depends_on_step: 'ship' }] } },
        }),
      );
    expect(errorOf(call).message).toContain('reserve -> ship -> reserve');
    expect(problemPaths(call)).toEqual(['environments.test.step_templates[0].depends_on_step']);
  });

  test('a problem of the base is not said again for each environment', () => {
    expect(paths({ description: 'x' }, { version: '1' })).toEqual(['version']);
  });

  test('a problem in a part that the overlay does not mention names that part', () => {
    const call = () => parseTemplate(templateOf({ environments: { test: { named_steps: ['ship'] } } }));
    expect(errorOf(call).message).toBe(
      'template: environments.test: expected step_templates[0].name to be a name listed in named_steps: ship,' +
        ' came "reserve"',
    );
  });
});
