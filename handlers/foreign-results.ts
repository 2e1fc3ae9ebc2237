// Results that a worker in another language has made into JSON text, held to the same rules as those of a TypeScript
// handler (results.ts), and to one that needs no rule there: numbers are IEEE doubles (RFC 7493).
import { assertStorable, endOfString, refusal } from './results.ts';

/** What may be an integer beyond 2^53, or a number beyond 1e308 or below 1e-323. Rare: most texts are looked at once. */
const SUSPICIOUS = /\d{16}|[eE][-+]?\d{3}/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * The text as it is to be stored. Empty stands for `{}`.
 * @throws DeclarationError `invalid_output` when it cannot be stored, `results_too_large` over `maxBytes`.
 */
export function resultsOfText(text: string, maxBytes: number): string {
  if (text === '') return '{}';
  const value = parsed(text);
  if (SUSPICIOUS.test(text)) assertDoubles(text);
  // other languages escape what is not ASCII, and then a pair of surrogates looks like two halves
  const raw = text.includes('\\u') ? JSON.stringify(value) : text;
  assertStorable(raw, maxBytes);
  return raw;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refusal('it is not JSON', cause);
  }
}

/** Every number of a well-formed JSON text must survive as a double; of integers every digit. */
function assertDoubles(text: string): void {
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '"') at = endOfString(text, at);
    else if (/[-\d]/.test(text[at] ?? '')) {
      const token = numberAt(text, at);
      if (!isDouble(token))
        throw refusal(`the number ${shown(token)} cannot be kept exactly: return it as a text`);
      at += token.length - 1;
    }
  }
}

function numberAt(text: string, at: number): string {
  NUMBER.lastIndex = at;
  return NUMBER.exec(text)?.[0] ?? '';
}

function isDouble(token: string): boolean {
  const number = Number(token);
  if (!Number.isFinite(number)) return false;
  if (number === 0) return !/^[^eE]*[1-9]/.test(token); // nothing that is left of something is not exact
  if (/[.eE]/.test(token) || Number.isSafeInteger(number)) return true;
  return String(number) === token || BigInt(token) === BigInt(number); // JSON.stringify pads with zeros from 2^53 to 1e21
}

function shown(token: string): string {
  return token.length <= 40 ? token : `${token.slice(0, 40)}...`;
}
