// JSON as text, made once for what many steps share: the context of a task, the results of a parent, the configuration of a
// handler come from the database as one frozen object each (sql/delivery.ts), and go to workers with every step.
import type { Json } from '../../core/json.ts';

export interface JsonText {
  readonly text: string;
  /** In UTF-8. */
  readonly bytes: number;
}

/** Kept as long as the object lives: while one of its steps is on its way. */
const texts = new WeakMap<object, JsonText>();

/** Throws RangeError where the text would be longer than a string can be. */
export function jsonText(value: Json): JsonText {
  if (typeof value !== 'object' || value === null || !Object.isFrozen(value)) return made(value);
  const known = texts.get(value);
  if (known) return known;
  const text = made(value);
  texts.set(value, text);
  return text;
}

/** Empty stands for `{}` on the wire. */
export function jsonTextOrEmpty(value: Json): JsonText {
  const text = jsonText(value);
  return text.text === '{}' ? EMPTY : text;
}

export const EMPTY: JsonText = { text: '', bytes: 0 };

function made(value: Json): JsonText {
  const text = JSON.stringify(value);
  return { text, bytes: Buffer.byteLength(text) };
}
