import { describe, expect, test } from 'vitest';
import { parseTemplate } from '../../../core/template/template.ts';
import { errorOf, problemPaths, problemsOf, stepOf, templateOf } from './templates.ts';

/** Message of the error for a template whose single step has these keys. */
function stepMessage(more: Record<string, unknown>): string {
  return errorOf(() => parseTemplate(templateOf({ step_templates: [stepOf('reserve', more)] }), 'order.yaml'))
    .message;
}

function message(more: Record<string, unknown>): string {
  return errorOf(() => parseTemplate(templateOf(more), 'order.yaml')).message;
}

describe('a good template', () => {
  test('gets the defaults of the Rails engine', () => {
    const template = parseTemplate({ name: 'order', step_templates: [stepOf('reserve')] });
    expect(template).toEqual({
      name: 'order',
      namespace_name: 'default',
      version: '0.1.0',
      step_templates: [
        {
          name: 'reserve',
          handler_class: 'Work',
          dependent_system: 'unknown',
          default_retryable: true,
          default_retry_limit: 3,
          skippable: false,
          depends_on_steps: [],
        },
      ],
    });
  });

  test('joins depends_on_step and depends_on_steps, each parent once', () => {
    const joined = stepOf('c', { depends_on_step: 'a', depends_on_steps: ['b', 'a', 'b'] });
    const template = parseTemplate(templateOf({ step_templates: [stepOf('a'), stepOf('b'), joined] }));
    expect(template.step_templates[2]?.depends_on_steps).toEqual(['a', 'b']);
    expect(template.step_templates[2]).not.toHaveProperty('depends_on_step');
  });

  test('gives a step the default system unless it names its own', () => {
    const steps = [stepOf('a'), stepOf('b', { dependent_system: 'carrier' })];
    const template = parseTemplate(templateOf({ default_dependent_system: 'shop', step_templates: steps }));
    expect(template.step_templates.map((step) => step.dependent_system)).toEqual(['shop', 'carrier']);
  });

  test('fills what a backoff leaves out', () => {
    const template = parseTemplate(
      templateOf({ step_templates: [stepOf('a', { backoff: { base_seconds: 5 } })] }),
    );
    expect(template.step_templates[0]?.backoff).toEqual({
      base_seconds: 5,
      factor: 2,
      max_seconds: 300,
      jitter: 0.1,
    });
  });

  test('is a copy that later changes of the input do not reach', () => {
    const handler_config = { url: 'http://one' };
    const template = parseTemplate(templateOf({ step_templates: [stepOf('a', { handler_config })] }));
    handler_config.url = 'http://two';
    expect(template.step_templates[0]?.handler_config).toEqual({ url: 'http://one' });
  });
});

describe('a bad template', () => {
  test('is one error that names the source, the path, what was expected and what came', () => {
    expect(stepMessage({ default_retry_limit: '4' })).toBe(
      'order.yaml: step_templates[0].default_retry_limit: expected a whole number from 1 to 2147483647' +
        ' (all attempts counted; with 0 it would never run), came "4"',
    );
  });

  test('lists all problems, one a line and as data', () => {
    const steps = [stepOf('a', { skippable: 'yes' }), stepOf('b', { depends_on_step: 'x' }), stepOf('a')];
    const error = errorOf(() => parseTemplate({ version: '1', step_templates: steps }, 'order.yaml'));
    const paths = problemsOf(error).map(({ path }) => path);
    expect(error.code).toBe('invalid_template');
    expect(paths.toSorted()).toEqual([
      'name',
      'step_templates[0].skippable',
      'step_templates[1].depends_on_step',
      'step_templates[2].name',
      'version',
    ]);
    expect(error.message.split('\n')).toHaveLength(5);
  });

  test('a message stays short however many problems there are', () => {
    const steps = Array.from({ length: 500 }, (_, index) =>
      stepOf(`s${index}`, { depends_on_step: 'nobody' }),
    );
    const error = errorOf(() => parseTemplate(templateOf({ step_templates: steps })));
    expect(error.message.split('\n')).toHaveLength(51);
    expect(problemsOf(error)).toHaveLength(500);
  });

  test.each([
    ['version', '1.2', 'a version such as "1.2.3"'],
    ['version', 1.2, 'in quotes'],
    ['version', '1.2.3-beta', 'a version such as "1.2.3"'],
    ['version', '1.2.3456789012345', 'at most 16 characters'],
    ['name', 'n'.repeat(65), 'text of 1 to 64 characters'],
    ['name', ' ', 'text of 1 to 64 characters'],
    ['namespace_name', 'n'.repeat(65), 'text of 1 to 64 characters'],
    ['default_dependent_system', 's'.repeat(65), 'text of 1 to 64 characters'],
    ['description', 'd'.repeat(256), 'at most 255 characters'],
    ['identity_strategy', 'key', 'one of "uuid", "hash"'],
    ['step_templates', [], 'at least one step'],
    ['step_templates', null, 'a list'],
    ['environments', [], 'an object'],
  ])('%s = %j is refused', (key, value, expected) => {
    expect(message({ [key]: value })).toMatch(
      new RegExp(`^order.yaml: ${key}: expected .*${expected}.*, came`),
    );
  });

  test.each([
    ['name', 's'.repeat(129), 'text of 1 to 128 characters'],
    ['handler_class', undefined, 'text of 1 to 255 characters, came nothing'],
    ['default_retry_limit', 0, 'a whole number from 1'],
    ['default_retry_limit', 2_147_483_648, 'to 2147483647'],
    ['default_retry_limit', 1.5, 'a whole number'],
    ['timeout_seconds', 0, 'above 0'],
    ['timeout_seconds', 2_147_484, 'at most 2147483'],
    ['priority', 101, 'a whole number from -100 to 100'],
    ['handler_config', 'x', 'an object'],
    ['default_retryable', 1, 'true or false'],
    ['dependent_system', '', 'text of 1 to 64 characters'],
  ])('%s = %j of a step is refused', (key, value, expected) => {
    expect(stepMessage({ [key]: value })).toContain(expected);
  });

  test('lengths count characters as Postgres does, not UTF-16 units', () => {
    expect(parseTemplate(templateOf({ name: '🧵'.repeat(64) })).name).toHaveLength(128);
    expect(message({ name: '🧵'.repeat(65) })).toContain('(65 characters)');
  });

  test('an unknown key is refused with the key that was probably meant', () => {
    expect(stepMessage({ default_retry_limt: 3 })).toContain('did you mean "default_retry_limit"?');
    expect(stepMessage({ backoff: { jiter: 0 } })).toContain('did you mean "jitter"?');
    expect(message({ name_space: 'x' })).toContain('order.yaml: name_space: expected a known key');
  });

  test('an unknown dependency is refused with the step that was probably meant', () => {
    const steps = [stepOf('reserve'), stepOf('ship', { depends_on_steps: ['resrve'] })];
    expect(message({ step_templates: steps })).toBe(
      'order.yaml: step_templates[1].depends_on_steps[0]: expected the name of a step of this task' +
        ' (did you mean "reserve"?), came "resrve"',
    );
  });

  test('a cycle is refused by its names', () => {
    const steps = [
      stepOf('a', { depends_on_step: 'c' }),
      stepOf('b', { depends_on_step: 'a' }),
      stepOf('c', { depends_on_steps: ['b'] }),
    ];
    expect(message({ step_templates: steps })).toBe(
      'order.yaml: step_templates[0].depends_on_step: expected steps without a cycle, came a -> b -> c -> a',
    );
  });

  test('with named_steps every step has to be listed', () => {
    expect(message({ named_steps: ['reserve'] })).toContain(
      'step_templates[1].name: expected a name listed in named_steps: reserve, came "ship"',
    );
  });

  test('a schema has to be a JSON Schema', () => {
    const paths = problemPaths(() =>
      parseTemplate(templateOf({ schema: { properties: { id: { type: 'strin' } } } })),
    );
    expect(paths).toEqual(['schema.properties.id.type']);
    expect(message({ schema: { pattern: '[' } })).toContain('order.yaml: schema');
    expect(message({ schema: { $ref: '#/definitions/nobody' } })).toContain("can't resolve reference");
    expect(message({ schema: { $schema: 'http://example.com' } })).toContain(
      'schema.$schema: expected draft-07',
    );
  });

  test.each([
    [{ at: new Date(0) }, 'handler_config.at: expected JSON, came an instance of Date'],
    [{ n: [1, NaN] }, 'handler_config.n[1]: expected a finite number, came NaN'],
    [{ run: () => 1 }, 'handler_config.run: expected JSON, came a function'],
    [{ t: 'a\0' }, 'handler_config.t: expected text without NUL'],
    [{ t: '\ud800' }, 'handler_config.t: expected text without NUL or lone surrogates'],
    [JSON.parse('{"__proto__": 1}') as object, 'expected a key other than __proto__'],
  ])('a handler_config that Postgres cannot store is refused (%#)', (handler_config, expected) => {
    expect(stepMessage({ handler_config })).toContain(expected);
  });

  test('an object that contains itself is refused', () => {
    const handler_config: Record<string, unknown> = {};
    handler_config['self'] = handler_config;
    expect(stepMessage({ handler_config })).toContain('an object that contains itself');
  });

  test.each([[undefined], [null], ['order'], [[]]])('%j is no template', (value) => {
    expect(errorOf(() => parseTemplate(value, 'order.yaml')).code).toBe('invalid_template');
  });
});
