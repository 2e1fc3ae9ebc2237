// What a handler may return: JSON that Postgres can hold, of a bearable size. Everything else is one clear refusal.
import { expect, test } from 'vitest';
import { DEFAULT_MAX_RESULT_BYTES } from '../../core/outcome.ts';
import { DeclarationError } from '../../handlers/declaration.ts';
import { asResults, completed } from '../../handlers/results.ts';

/** `[[[...]]]` without a recursion of our own. */
function nested(levels: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < levels; level += 1) value = [value];
  return value;
}

function refused(value: unknown, maxBytes?: number): { code: string; message: string } {
  try {
    asResults(value, maxBytes);
  } catch (error) {
    if (error instanceof DeclarationError) return { code: error.failureCode, message: error.message };
    throw error;
  }
  throw new Error('it was taken');
}

const hostile = {
  toJSON() {
    throw {
      toString() {
        throw new Error('not even that');
      },
    };
  },
};
const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();

test.each<[string, unknown, RegExp]>([
  ['NaN', Number.NaN, /it is NaN/],
  ['NaN deep inside', { totals: [{ tax: Number.NaN }] }, /"tax" is NaN/],
  ['Infinity in a list', [1, -Infinity], /"1" is -Infinity/],
  ['a million levels', nested(1_000_000), /nested deeper than 1000 levels/],
  ['a BigInt inside', { id: 12n }, /BigInt/],
  ['a function', () => 1, /got a function/],
  ['a symbol', Symbol('x'), /got a symbol/],
  ['an object whose toJSON throws an object that cannot be read', hostile, /toJSON threw/],
  ['a revoked proxy', revoked, /revoked/],
  ['U+0000 in a key', { 'a\0b': 1 }, /U\+0000/],
  ['half of a surrogate pair in a list', ['\udc00'], /surrogate/],
])('%s is refused', (_what, value, message) => {
  expect(refused(value)).toEqual({
    code: 'invalid_output',
    message: expect.stringMatching(message) as string,
  });
});

test.each<[string, unknown]>([
  ['brackets in a string', ['['.repeat(3000)]],
  ['brackets after an escaped quote', [`"${'{'.repeat(3000)}`]],
  ['brackets after a backslash at the end of a string', ['\\\\', '['.repeat(3000)]],
  ['many lists beside each other', Array.from({ length: 2000 }, () => [])],
  ['a thousand levels', nested(1000)],
])('%s are not too deep', (_what, value) => {
  expect(asResults(value)).toBe(JSON.stringify(value));
});

test.each<[string, unknown]>([
  ['in a list', [nested(1000)]],
  ['behind a string with an escaped quote and a bracket', ['"]\\', nested(1000)]],
])('the thousand and first level %s is refused', (_what, value) => {
  expect(refused(value)).toMatchObject({ message: expect.stringMatching(/deeper than 1000/) as string });
});

test('a completed outcome has its results as text and, for who asks, as a value of its own', () => {
  const outcome = completed('{"ok":true}');
  expect({ ...outcome }).toEqual({ kind: 'complete', results: { ok: true }, results_json: '{"ok":true}' });
  expect(outcome.results).toBe(outcome.results);
});

test('null is a value, and stays beside numbers', () => {
  expect(asResults({ none: null, some: 1, gone: undefined })).toBe('{"none":null,"some":1}');
});

test('results over the limit are refused with the limit and what came, in bytes', () => {
  expect(refused('x'.repeat(99), 100)).toEqual({
    code: 'results_too_large',
    message: expect.stringMatching(/at most 100 bytes of JSON, got 101/) as string,
  });
  expect(asResults('x'.repeat(98), 100)).toBe(`"${'x'.repeat(98)}"`);
  expect(refused('é'.repeat(50), 100)).toMatchObject({ message: expect.stringMatching(/got 102/) as string });
});

test('the limit is 4 MiB unless somebody says otherwise', () => {
  const most = 'x'.repeat(DEFAULT_MAX_RESULT_BYTES - 2);
  expect(asResults(most)).toBe(`"${most}"`);
  expect(refused(`${most}x`)).toMatchObject({ code: 'results_too_large' });
});
