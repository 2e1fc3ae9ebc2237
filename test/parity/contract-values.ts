// What the contract says in JSON about values that JSON cannot hold or nobody should write into a file:
// {"$make": "nan"}, {"$make": "text", "bytes": 4194304}, {"$by_language": {"typescript": ..., "python": ..., "ruby": ...}}.
import type { Json, JsonObject } from '../../core/json.ts';

type Make = (spec: JsonObject) => unknown;

const MAKERS: Readonly<Record<string, Make>> = {
  nothing: () => undefined,
  nan: () => Number.NaN,
  infinity: () => Number.POSITIVE_INFINITY,
  minus_zero: () => -0,
  /** 2^53 + 1, as the type of the language that can say it. */
  unsafe_integer: () => 2n ** 53n + 1n,
  nul: () => 'a\0b',
  lone_surrogate: () => 'a\ud800b',
  not_json: () => () => {},
  date: () => new Date('2026-01-31T12:00:00.000Z'),
  /** Templates refuse it as a key. */
  proto_key: () => JSON.parse('{"__proto__": 3}'),
  circular,
  /** A text of so many bytes of JSON, its quotes included; `of` is one character. */
  text: ({ bytes, of }) => textOf(Number(bytes), typeof of === 'string' ? of : 'x'),
  nested: ({ levels }) => nested(Number(levels)),
};

/** The value that a file means. */
export function valueOf(spec: Json): unknown {
  if (Array.isArray(spec)) return spec.map(valueOf);
  if (typeof spec !== 'object' || spec === null) return spec;
  const { $make: maker, $by_language: byLanguage } = spec;
  if (typeof maker === 'string') return make(maker, spec);
  if (byLanguage !== undefined) return valueOf((byLanguage as JsonObject)['typescript'] ?? null);
  return Object.fromEntries(Object.entries(spec).map(([key, part]) => [key, valueOf(part)]));
}

function make(maker: string, spec: JsonObject): unknown {
  const making = MAKERS[maker];
  if (!making) throw new Error(`the contract knows no ${maker}`);
  return making(spec);
}

function circular(): unknown {
  const circle: { itself?: unknown } = {};
  circle.itself = circle;
  return circle;
}

function textOf(bytes: number, of: string): string {
  return of.repeat((bytes - 2) / Buffer.byteLength(of));
}

/** Arrays in arrays. */
function nested(levels: number): unknown {
  let inner: unknown[] = [];
  for (let level = 1; level < levels; level += 1) inner = [inner];
  return inner;
}
