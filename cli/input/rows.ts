// Rows of an input, one at a time: each a context for one task, or why it cannot be one, with its place in the file.
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { TreadleError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { csvRows } from './csv.ts';
import { readText, type InputRow, type InputSource } from './source.ts';

/** Reads the file from its beginning, on each call. `schema` is that of the template's context, for CSV. */
export function readRows(source: InputSource, schema: JsonObject | undefined): AsyncIterable<InputRow> {
  switch (source.format) {
    case 'json':
      return jsonRows(source);
    case 'jsonl':
      return jsonLines(source);
    case 'csv':
      return csvRows(source.file, schema);
  }
}

async function* jsonRows({ file, title }: InputSource): AsyncGenerator<InputRow> {
  const text = (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TreadleError('invalid_argument', `${title}: expected JSON, came: ${messageOf(cause)}`, {
      cause,
    });
  }
  const items: unknown[] = Array.isArray(value) ? value : [value];
  for (const [index, item] of items.entries()) yield { place: `item ${index + 1}`, value: item };
}

async function* jsonLines({ file }: InputSource): AsyncGenerator<InputRow> {
  let number = 0;
  for await (const line of createInterface({ input: readText(file), crlfDelay: Infinity })) {
    number += 1;
    const text = number === 1 ? line.replace(/^\uFEFF/, '') : line;
    if (text.trim() !== '') yield jsonLine(`line ${number}`, text);
  }
}

function jsonLine(place: string, text: string): InputRow {
  try {
    return { place, value: JSON.parse(text) };
  } catch (error) {
    return { place, value: undefined, problem: `expected a JSON object, came: ${messageOf(error)}` };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
