import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { IdentityRequest } from '../../core/identity.ts';
import { identityHash, railsJson } from '../../core/identity.ts';
import { errorOf } from './template/templates.ts';

function request(more: Partial<IdentityRequest> = {}): IdentityRequest {
  return {
    name: 'order',
    initiator: 'web',
    source_system: 'shop',
    context: { order_id: 7, note: 'a<b & "c"' },
    reason: 'bought',
    bypass_steps: ['gift'],
    requested_at: new Date('2025-07-13T09:05:59.999Z'),
    ...more,
  };
}

describe('uuid', () => {
  test('never answers the same twice', () => {
    expect(identityHash('uuid', request())).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    expect(identityHash('uuid', request())).not.toBe(identityHash('uuid', request()));
  });
});

describe('hash', () => {
  test('is the SHA-256 of the Rails layout, written out here byte by byte', () => {
    const text =
      '{"name":"order","initiator":"web","source_system":"shop",' +
      '"context":{"order_id":7,"note":"a\\u003cb \\u0026 \\"c\\""},' +
      '"reason":"bought","bypass_steps":["gift"],"requested_at":"2025-07-13 09:05"}';
    expect(identityHash('hash', request())).toBe(createHash('sha256').update(text).digest('hex'));
  });

  test('is the same within a minute and another in the next', () => {
    const at = (instant: string) => identityHash('hash', request({ requested_at: new Date(instant) }));
    expect(at('2025-07-13T09:05:00Z')).toBe(at('2025-07-13T09:05:59Z'));
    expect(at('2025-07-13T09:06:00Z')).not.toBe(at('2025-07-13T09:05:59Z'));
  });

  test.each([
    ['name', { name: 'other' }],
    ['initiator', { initiator: 'other' }],
    ['source_system', { source_system: 'other' }],
    ['context', { context: { order_id: 8 } }],
    ['reason', { reason: 'other' }],
    ['bypass_steps', { bypass_steps: [] }],
  ])('depends on %s', (_key, change) => {
    expect(identityHash('hash', request(change))).not.toBe(identityHash('hash', request()));
  });

  test('depends on the order of keys in the context, as in Rails', () => {
    const ordered = identityHash('hash', request({ context: { a: 1, b: 2 } }));
    expect(identityHash('hash', request({ context: { b: 2, a: 1 } }))).not.toBe(ordered);
  });

  test('needs a valid instant', () => {
    const call = () => identityHash('hash', request({ requested_at: new Date('x') }));
    expect(errorOf(call).code).toBe('invalid_argument');
  });
});

describe('JSON as ActiveSupport writes it', () => {
  test.each([
    ['<é>&\u2028\u2029', '"\\u003cé\\u003e\\u0026\\u2028\\u2029"'],
    ['🧵/\\"\n\u0001\u007f', '"🧵/\\\\\\"\\n\\u0001\u007f"'],
    [{ 'a<': [null, true, {}] }, '{"a\\u003c":[null,true,{}]}'],
    [{ b: { z: 1, a: 2 }, a: 1 }, '{"b":{"z":1,"a":2},"a":1}'],
    [0.1, '0.1'],
    [-0, '0'],
    [1e20, '100000000000000000000'],
    [0.0001, '0.0001'],
    [0.00001, '1.0e-05'],
    [-1.5e-7, '-1.5e-07'],
    [1e21, '1.0e+21'],
    [1.25e-100, '1.25e-100'],
  ])('%j', (value, expected) => {
    expect(railsJson(value)).toBe(expected);
  });
});

describe('key', () => {
  test("is the caller's own, up to 128 characters", () => {
    expect(identityHash('key', request({ identity_key: 'order-7' }))).toBe('order-7');
    expect(identityHash('key', request({ identity_key: '🧵'.repeat(128) }))).toHaveLength(256);
  });

  test.each([[undefined], [''], ['  '], ['k'.repeat(129)], ['a\0']])('%j is refused', (identity_key) => {
    const error = errorOf(() => identityHash('key', request({ identity_key })));
    expect(error.code).toBe('invalid_argument');
    expect(error.message).toContain('expected identity_key to be text of 1 to 128 characters');
  });
});
