import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readTemplate } from '../../../core/template/read.ts';
import { parseTemplate } from '../../../core/template/template.ts';
import { acyclicGraph, errorOf, problemsOf, stepOf, templateOf } from './templates.ts';

const ORDER = `
name: order
namespace_name: shop
version: "1.2.0"
default_dependent_system: shop
schema: { type: object, required: [order_id] }
step_templates:
  - name: reserve
    handler_class: OrderProcess::Reserve
    handler_config: &http { url: "http://stock", method: POST }
  - name: ship
    handler_class: OrderProcess::Ship
    depends_on_step: reserve
    handler_config: { <<: *http, url: "http://carrier" }
`;

function message(text: string): string {
  return errorOf(() => readTemplate(text, 'templates/order.yaml')).message;
}

describe('a readable template', () => {
  test('in YAML, with anchors and merge keys', () => {
    const template = readTemplate(ORDER, 'order.yaml');
    expect(template.step_templates[1]).toMatchObject({
      depends_on_steps: ['reserve'],
      handler_config: { url: 'http://carrier', method: 'POST' },
    });
  });

  test('in JSON, indented with tabs', () => {
    const template = readTemplate(JSON.stringify(templateOf(), null, '\t'), 'order.json');
    expect(template).toEqual(parseTemplate(templateOf()));
  });

  test('comes back the same from its YAML and its JSON', () => {
    const template = fc
      .tuple(
        acyclicGraph,
        fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })),
        fc.string({ maxLength: 64 }),
      )
      .filter(([, config, name]) => /\S/.test(name) && !/\0|__proto__/.test(JSON.stringify(config) + name))
      .map(([nodes, handler_config, name]) =>
        templateOf({
          name,
          step_templates: nodes.map((node) => stepOf(node.name, { ...node, handler_config })),
        }),
      );
    fc.assert(
      fc.property(template, (written) => {
        const parsed = parseTemplate(written);
        expect(parseTemplate(parsed)).toEqual(parsed);
        expect(readTemplate(stringify(parsed), 'order.yaml')).toEqual(parsed);
        expect(readTemplate(JSON.stringify(parsed), 'order.json')).toEqual(parsed);
      }),
      { numRuns: 50 },
    );
  });
});

describe('problems carry file, line and column', () => {
  test('of the key that is wrong', () => {
    const error = errorOf(() => readTemplate(ORDER.replace('name: ship', 'name: 7'), 'templates/order.yaml'));
    expect(error.message).toBe(
      'templates/order.yaml:11:5 step_templates[1].name: expected text of 1 to 128 characters, came 7',
    );
    expect(problemsOf(error)).toEqual([
      {
        path: 'step_templates[1].name',
        expected: 'text of 1 to 128 characters',
        received: '7',
        line: 11,
        column: 5,
      },
    ]);
  });

  test('of what encloses a missing key', () => {
    expect(message(ORDER.replace('    handler_class: OrderProcess::Ship\n', ''))).toMatch(
      /^templates\/order.yaml:11:5 step_templates\[1\].handler_class: .* came nothing$/,
    );
  });

  test('of the list entry that is wrong, in the order of the file', () => {
    const text = ORDER.replace(
      'depends_on_step: reserve',
      'depends_on_steps: [reserve, pack]\n    skippable: 1',
    );
    expect(message(text).split('\n')).toEqual([
      expect.stringMatching(
        /^templates\/order.yaml:13:33 step_templates\[1\].depends_on_steps\[1\]: .* came "pack"$/,
      ),
      expect.stringMatching(/^templates\/order.yaml:14:5 step_templates\[1\].skippable: /),
    ]);
  });
});

describe('unreadable text is one line per error', () => {
  test.each([
    ['a: [1', '1:6: Flow sequence'],
    ['name: a\nname: b', '2:1: Map keys must be unique'],
    ['{"name": "a", "name": "b"}', '1:15: Map keys must be unique'],
    ['name: !secret a', '1:7: Unresolved tag: !secret'],
    ['name: *nobody', '1:7: No anchor &nobody before this alias'],
    ['name: a\n---\nname: b', '2:1: Expected one template in a file'],
  ])('%j', (text, expected) => {
    const error = errorOf(() => readTemplate(text, 'templates/order.yaml'));
    expect(error.code).toBe('invalid_template');
    expect(error.message.split('\n')[0]).toContain(`templates/order.yaml:${expected}`);
  });

  test('an empty file is no template', () => {
    expect(message('')).toBe('templates/order.yaml: expected a task template (an object), came null');
  });

  test('aliases that would fill the memory are refused', () => {
    const tens = (name: string) => `[${Array.from({ length: 10 }, () => name).join(', ')}]`;
    expect(
      message(`a: &a ${tens('1')}\nb: &b ${tens('*a')}\nc: &c ${tens('*b')}\nd: ${tens('*c')}`),
    ).toContain('Excessive alias count');
  });
});
