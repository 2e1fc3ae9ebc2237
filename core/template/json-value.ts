// Turns what a caller hands in into plain JSON that Postgres can store, or says where it is not. The copy is ours:
// later changes of the caller's object do not reach it. Properties that are undefined count as absent.
import type { Json, JsonObject } from '../json.ts';
import type { Finding, Path } from './problems.ts';
import { describe } from './problems.ts';
import { isStorableText } from './text.ts';

export interface PlainJson {
  readonly json: Json;
  readonly findings: readonly Finding[];
}

/** Far more than anyone writes by hand, far less than what overflows the stack of a parser. */
const DEEPEST = 200;

/** A deep copy of the value as plain JSON; `json` is only meaningful when there are no findings. */
export function plainJson(value: unknown): PlainJson {
  const findings: Finding[] = [];
  const path: (string | number)[] = [];
  const enclosing = new Set<object>();

  function wrong(expected: string, received: string): null {
    findings.push({ at: [...path], expected, received });
    return null;
  }

  function inside<Copied extends Json>(container: object, copyParts: () => Copied): Copied | null {
    if (enclosing.has(container)) return wrong('JSON', 'an object that contains itself');
    if (path.length >= DEEPEST) return wrong(`at most ${DEEPEST} levels of nesting`, 'more');
    enclosing.add(container);
    const copied = copyParts();
    enclosing.delete(container);
    return copied;
  }

  /** A getter can throw, and a proxy at anything that is asked of it. */
  function readable<Copied extends Json>(read: () => Copied): Copied | null {
    const depth = path.length;
    try {
      return read();
    } catch {
      path.length = depth;
      return wrong('JSON', 'an object that cannot be read');
    }
  }

  function copyPart(key: string | number, part: unknown): Json {
    path.push(key);
    const copied = readable(() => copy(part));
    path.pop();
    return copied;
  }

  function copyObject(source: Record<string, unknown>): JsonObject {
    const target: JsonObject = {};
    for (const [key, part] of Object.entries(source)) {
      if (part === undefined) continue;
      if (key === '__proto__') wrong('a key other than __proto__', '"__proto__"');
      else if (!isStorableText(key)) wrong('keys without NUL or lone surrogates', JSON.stringify(key));
      else target[key] = copyPart(key, part);
    }
    return target;
  }

  function copy(source: unknown): Json {
    if (source === null || typeof source === 'boolean') return source;
    if (typeof source === 'string') {
      return isStorableText(source) ? source : wrong('text without NUL or lone surrogates', describe(source));
    }
    if (typeof source === 'number') {
      if (!Number.isFinite(source)) return wrong('a finite number', String(source));
      return Object.is(source, -0) ? 0 : source; // JSON text has no place for the sign of -0 either
    }
    if (Array.isArray(source)) {
      const list: readonly unknown[] = source;
      return inside(list, () => Array.from(list, (part, index) => copyPart(index, part)));
    }
    if (isPlainObject(source)) return inside(source, () => copyObject(source));
    return wrong('JSON', describe(source));
  }

  return { json: readable(() => copy(value)), findings };
}

/** An object that is neither an array nor an instance of a class; of any realm. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Narrows JSON to an object. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The same findings, seen from further out. */
export function under(prefix: Path, findings: readonly Finding[]): Finding[] {
  return findings.map((finding) => ({ ...finding, at: [...prefix, ...finding.at] }));
}
