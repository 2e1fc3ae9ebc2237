import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../core/json.ts';
import { compileContextSchema } from '../../../core/template/context.ts';
import { errorOf } from './templates.ts';

const ORDER: JsonObject = {
  type: 'object',
  required: ['order_id'],
  additionalProperties: false,
  properties: {
    order_id: { type: 'string', format: 'uuid' },
    note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    priority: { enum: ['low', 'high'], default: 'low' },
    items: {
      type: 'array',
      items: { required: ['sku'], properties: { quantity: { type: 'integer', minimum: 1 } } },
    },
  },
};
const ORDER_ID = '5f0c954e-3cf4-4c4b-9d7e-3d5a3a0c0c11';

function validate(context: unknown, schema: JsonObject | undefined = ORDER): JsonObject {
  return compileContextSchema(schema === undefined ? { name: 'order' } : { name: 'order', schema })(context);
}

function message(context: unknown, schema: JsonObject = ORDER): string {
  return errorOf(() => validate(context, schema)).message;
}

describe('a context that fits', () => {
  test('is returned as a copy without inserted defaults', () => {
    const context = { order_id: ORDER_ID, note: null };
    const returned = validate(context);
    expect(returned).toEqual(context);
    expect(returned).not.toBe(context);
  });

  test('may leave out optional properties and say undefined for them', () => {
    expect(validate({ order_id: ORDER_ID, note: undefined })).toEqual({ order_id: ORDER_ID });
  });

  test('is what JSON text would make of it: -0 is 0', () => {
    expect(validate({ n: -0 }, {})).toEqual({ n: 0 });
  });

  test('needs no schema', () => {
    expect(compileContextSchema({ name: 'order' })({ anything: [1] })).toEqual({ anything: [1] });
  });
});

describe('a context that does not fit', () => {
  test.each([
    [{ order_id: 'x' }, 'task order: context.order_id: expected text in the format "uuid", came "x"'],
    [{ note: 'n' }, 'task order: context.order_id: expected a value, came nothing'],
    [{ order_id: ORDER_ID, note: 7 }, 'task order: context.note: expected text or null, came 7'],
    [{ order_id: ORDER_ID, priority: 'mid' }, 'context.priority: expected one of "low", "high", came "mid"'],
    [
      { order_id: ORDER_ID, notes: 'n' },
      'context.notes: expected a known key (did you mean "note"?), came "notes"',
    ],
    [{ order_id: ORDER_ID, items: [{ sku: 'a', quantity: 0 }] }, 'context.items[0].quantity: expected'],
    [{ order_id: ORDER_ID, items: {} }, 'context.items: expected a list, came an empty object'],
  ])('%j', (context, expected) => {
    const error = errorOf(() => validate(context));
    expect(error.code).toBe('invalid_context');
    expect(error.message).toContain(expected);
  });

  test('lists all that is wrong', () => {
    expect(message({ note: 7, items: 'x' }).split('\n')).toHaveLength(3);
  });

  test.each([[{}], [null], [undefined], ['x'], [[1]], [new Date(0)], [{ a: undefined }]])(
    '%j is not a JSON object with at least one key, with or without a schema',
    (context) => {
      expect(message(context, {})).toMatch(
        /^task order: context: expected a JSON object with at least one key, came/,
      );
    },
  );

  test('what Postgres cannot store is refused', () => {
    expect(message({ a: [{ b: 'x\0' }] }, {})).toContain('context.a[0].b: expected text without NUL');
    expect(message({ at: new Date(0) }, {})).toContain('context.at: expected JSON, came an instance of Date');
  });

  test('a required name is not met by what every JavaScript object inherits', () => {
    expect(message({ a: 1 }, { required: ['toString'] })).toContain('context.toString: expected a value');
  });
});

describe('dialects', () => {
  const tuple = { a: [1, 'x'] };
  const items = [{ type: 'number' }, { type: 'number' }];

  test('draft-07 is the default', () => {
    expect(message(tuple, { properties: { a: { items } } })).toContain('context.a[1]: expected a number');
  });

  test('2020-12 is followed when $schema says so', () => {
    const $schema = 'https://json-schema.org/draft/2020-12/schema';
    expect(message(tuple, { $schema, properties: { a: { prefixItems: items } } })).toContain(
      'context.a[1]: expected',
    );
    expect(errorOf(() => validate(tuple, { $schema, properties: { a: { items } } })).code).toBe(
      'invalid_template',
    );
  });

  test('two templates may use the same $id', () => {
    const schema = { $id: 'http://example.com/order', type: 'object' };
    expect(validate({ a: 1 }, schema)).toEqual(validate({ a: 1 }, schema));
  });
});
