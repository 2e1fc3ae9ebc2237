// Reads orders from a file: JSON lines, or CSV with the columns below. Says for each line what it is; what it must be is
// the business of the template's schema.
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { parse } from 'csv-parse/sync';

/** A line of the file, with a value or with the reason why it has none. */
export interface OrderLine {
  readonly line: number;
  readonly value?: unknown;
  readonly problem?: string;
}

export const CSV_COLUMNS = ['order_id', 'name', 'email', 'country', 'card', 'items', 'total_cents'] as const;

/** @throws Error with one line that says what is wrong with the file as a whole. */
export function readOrders(file: string): OrderLine[] {
  const text = readText(file);
  const kind = extname(file).toLowerCase();
  if (kind === '.csv') return readCsv(file, text);
  if (kind === '.jsonl' || kind === '.ndjson') return readJsonLines(text);
  throw new Error(`${file}: expected a file that ends in .jsonl or .csv`);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new Error(`${file} cannot be read: ${reason}`, { cause: error });
  }
}

function readJsonLines(text: string): OrderLine[] {
  return text
    .split('\n')
    .map((json, index) => ({ json: json.trim(), line: index + 1 }))
    .filter(({ json }) => json !== '')
    .map(({ json, line }) => readJson(json, line));
}

function readJson(json: string, line: number): OrderLine {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { line, value };
    return { line, problem: 'expected a JSON object' };
  } catch {
    return { line, problem: 'expected JSON, cannot read this line' };
  }
}

type CsvRow = Partial<Record<(typeof CSV_COLUMNS)[number], string>>;

function readCsv(file: string, text: string): OrderLine[] {
  const rows = parseCsv(file, text);
  const missing = CSV_COLUMNS.filter((column) => rows[0] && !(column in rows[0].record));
  if (missing.length > 0)
    throw new Error(
      `${file}: expected the columns ${CSV_COLUMNS.join(', ')}, missing: ${missing.join(', ')}`,
    );
  return rows.map(({ record, info }) => ({ line: info.lines, value: orderOf(record) }));
}

function parseCsv(file: string, text: string): { record: CsvRow; info: { lines: number } }[] {
  try {
    const options = { columns: true, info: true, trim: true, skip_empty_lines: true } as const;
    return parse(text, options) as unknown as { record: CsvRow; info: { lines: number } }[];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${file} is no CSV: ${reason}`, { cause: error });
  }
}

/** CSV knows text only: what looks like a number becomes one, and the schema refuses what does not. */
function orderOf({ order_id, name, email, country, card, items, total_cents }: CsvRow): object {
  return {
    order_id,
    customer: { name, email },
    country,
    card,
    items: (items ?? '').split(/\s+/).filter(Boolean).map(itemOf),
    total_cents: numberIn(total_cents),
  };
}

/** `MUG-BLUE:2`, or `MUG-BLUE` for one. */
function itemOf(text: string): object {
  const [sku, quantity = '1'] = text.split(':');
  return { sku, quantity: numberIn(quantity) };
}

function numberIn(text: string | undefined): string | number | undefined {
  return text !== undefined && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
