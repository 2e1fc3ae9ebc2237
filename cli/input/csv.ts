// CSV rows as contexts: the header names the keys, an empty cell leaves its key out, and text becomes a number, a boolean
// or JSON only where the template's schema says that the key is one.
import { parse, type CsvError } from 'csv-parse';
import type { Json, JsonObject } from '../../core/json.ts';
import { firstLine, readText, type InputRow } from './source.ts';

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

interface Parsed {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

export async function* csvRows(file: string, schema: JsonObject | undefined): AsyncGenerator<InputRow> {
  const parser = parse({
    bom: true,
    delimiter: delimiterOf(firstLine(file)),
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
  });
  const text = readText(file).on('error', (error) => parser.destroy(error));
  let header: readonly string[] | undefined;
  try {
    for await (const { record, info } of text.pipe(parser) as AsyncIterable<Parsed>) {
      if (header) yield row(header, record, `line ${info.lines}`, schema);
      else header = record;
    }
  } catch (error) {
    if (!isCsvError(error)) throw error;
    // what follows an open quote cannot be read as rows any more
    yield {
      place: `line ${lineOf(error)}`,
      value: undefined,
      problem: `expected CSV, came: ${error.message}`,
    };
  }
}

function row(
  header: readonly string[],
  cells: readonly string[],
  place: string,
  schema: JsonObject | undefined,
): InputRow {
  if (cells.length !== header.length) {
    const problem = `expected ${header.length} cells as in the header, came ${cells.length}`;
    return { place, value: undefined, problem };
  }
  const value: JsonObject = {};
  for (const [index, key] of header.entries()) {
    const converted = cellValue(cells[index] ?? '', typesOf(schema, key));
    if (converted !== undefined) value[key] = converted;
  }
  return { place, value };
}

/** The value of a cell by the types its key may have. What does not fit stays text, for the schema to refuse. */
export function cellValue(text: string, types: readonly string[]): Json | undefined {
  if (text === '') return types.includes('null') ? null : undefined;
  if (types.includes('string')) return text;
  if (types.includes('integer') || types.includes('number')) {
    const number = NUMBER.test(text) ? Number(text) : Number.NaN;
    // an id beyond 2^53 would become another one
    if (Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))) return number;
  }
  if (types.includes('boolean') && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if (types.includes('array') || types.includes('object')) return jsonOr(text);
  return text;
}

function jsonOr(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** `type` of the key in the schema's properties; none when the schema does not say. */
function typesOf(schema: JsonObject | undefined, key: string): readonly string[] {
  const property = objectAt(objectAt(schema, 'properties'), key);
  const types = [property?.['type']].flat();
  return types.filter((type) => typeof type === 'string');
}

function objectAt(value: JsonObject | undefined, key: string): JsonObject | undefined {
  const found = value && Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? found : undefined;
}

/** What separates the names in the header: spreadsheets of many countries write semicolons. */
function delimiterOf(header: string): string {
  return [',', ';', '\t'].find((delimiter) => header.includes(delimiter)) ?? ',';
}

function lineOf({ lines }: CsvError): string {
  return typeof lines === 'number' ? String(lines) : '?';
}

function isCsvError(error: unknown): error is CsvError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_');
}
