// JSON text that other languages hand in as results, held to what can be stored.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resultsOfText } from '../../handlers/foreign-results.ts';

const MAX = 1024;
const kept = (text: string): string => resultsOfText(text, MAX);
const refusal = (failureCode: string) => expect.objectContaining({ failureCode }) as Error;

test('nothing becomes an empty object', () => {
  expect(kept('')).toBe('{}');
});

test.each([
  ['null', 'null'],
  ['[0e-400, 5e-324]', '[0e-400, 5e-324]'],
  ['[1, 2.5, -0.0, 1e308]', '[1, 2.5, -0.0, 1e308]'],
  ['9007199254740992', '9007199254740992'],
  ['1152921504606846976', '1152921504606846976'], // 2^60 is a double
  ['123456789012345680000', '123456789012345680000'], // as JSON.stringify writes 1.2345678901234568e20
  ['0.12345678901234567890', '0.12345678901234567890'],
  ['"12345678901234567890"', '"12345678901234567890"'],
  [String.raw`"a\"99999999999999999"`, String.raw`"a\"99999999999999999"`],
  ['"\u{1F600}"', '"\u{1F600}"'],
  [String.raw`"\ud83d\ude00"`, '"\u{1F600}"'], // as Python escapes it
  [String.raw`"\\u0000"`, String.raw`"\\u0000"`],
])('%s is stored as %s', (text, stored) => {
  expect(kept(text)).toBe(stored);
});

test.each([
  '{',
  '{"a":1}x',
  'NaN',
  '[Infinity]',
  '{"a": 1e999}',
  '[-1e400]',
  '1e-999999',
  `0.${'0'.repeat(400)}1`,
  '9007199254740993',
  '[1, {"deep": -12345678901234567890}]',
  `1${'0'.repeat(400)}`,
  String.raw`"\u0000"`,
  String.raw`{"\ud800": 1}`,
  String.raw`"\udc00 x"`,
  '"\0"',
])('%s cannot be stored', (text) => {
  expect(() => kept(text)).toThrow(refusal('invalid_output'));
});

test('a thousand levels can be stored, and one more cannot', () => {
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  expect(() => resultsOfText(nested(1000), 10_000)).not.toThrow();
  expect(() => resultsOfText(nested(1001), 10_000)).toThrow(refusal('invalid_output'));
  expect(() => resultsOfText(nested(1_000_000), 10_000_000)).toThrow(refusal('invalid_output'));
});

test('bytes are counted, not characters', () => {
  expect(kept(`"${'x'.repeat(MAX - 2)}"`)).toHaveLength(MAX);
  expect(() => kept(`"${'ä'.repeat(MAX / 2)}"`)).toThrow(refusal('results_too_large'));
});

test('whatever JSON TypeScript can say survives', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const text = JSON.stringify(value);
      fc.pre(!/\\u(?:0000|d[89a-f])/.test(text));
      expect(JSON.parse(resultsOfText(text, 1e6))).toEqual(JSON.parse(text));
    }),
  );
});
