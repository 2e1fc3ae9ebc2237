import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cellValue } from '../../cli/input/csv.ts';
import { readRows } from '../../cli/input/rows.ts';
import type { InputRow } from '../../cli/input/source.ts';
import { openInput } from '../../cli/input/source.ts';

const SCHEMA = {
  properties: { id: { type: 'integer' }, fast: { type: 'boolean' }, tags: { type: 'array' } },
};
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'treadle-input-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function rowsOf(name: string, text: string): Promise<InputRow[]> {
  const file = join(folder, name);
  writeFileSync(file, text);
  const rows: InputRow[] = [];
  for await (const row of readRows(await openInput(file, undefined), SCHEMA)) rows.push(row);
  return rows;
}

describe('rows of an input', () => {
  it('are the items of a JSON array, or the one object of a file', async () => {
    expect(await rowsOf('a.json', '[{"id": 1}, 2]')).toEqual([
      { place: 'item 1', value: { id: 1 } },
      { place: 'item 2', value: 2 },
    ]);
    expect(await rowsOf('b.json', '\uFEFF{"id":\n1}')).toEqual([{ place: 'item 1', value: { id: 1 } }]);
  });

  it('are the lines of JSONL, of which a broken one is a problem of its own', async () => {
    const rows = await rowsOf('a.jsonl', '{"id":1}\r\n\n{oops\n{"id":2}');
    expect(rows).toEqual([
      { place: 'line 1', value: { id: 1 } },
      { place: 'line 3', value: undefined, problem: expect.stringContaining('expected a JSON object') },
      { place: 'line 4', value: { id: 2 } },
    ]);
  });

  it('are the rows of CSV, converted only where the schema says so', async () => {
    const rows = await rowsOf('a.csv', 'id,fast,zip,tags\n1,TRUE,0815,"[1,2]"\n"2","","",""\n');
    expect(rows).toEqual([
      { place: 'line 2', value: { id: 1, fast: true, zip: '0815', tags: [1, 2] } },
      { place: 'line 3', value: { id: 2 } },
    ]);
  });

  it('may be separated by semicolons or tabs', async () => {
    expect(await rowsOf('a.csv', 'id;name\n1;a,b\n')).toEqual([
      { place: 'line 2', value: { id: 1, name: 'a,b' } },
    ]);
    expect(await rowsOf('a.tsv', 'id\tname\n1\tb\n')).toEqual([
      { place: 'line 2', value: { id: 1, name: 'b' } },
    ]);
  });

  it('say so when a CSV row has another number of cells, or a quote stays open', async () => {
    const [short, open] = await rowsOf('a.csv', 'id,name\n1\n2,"x\n');
    expect(short).toMatchObject({ place: 'line 2', problem: 'expected 2 cells as in the header, came 1' });
    expect(open?.problem).toMatch(/^expected CSV, came: Quote Not Closed/);
  });

  it.each([
    ['{"id":1}\n{"id":2}\n', 'jsonl'],
    ['[\n{"id":1}]', 'json'],
    ['{\n"id": 1}', 'json'],
    ['{oops}\n{"id":2}', 'jsonl'],
    ['id,name\n1,2\n', 'csv'],
  ])('of stdin %j are read as %s', async (text, format) => {
    const source = await openInput('-', undefined, Readable.from([text]));
    await source.dispose();
    expect(source.format).toBe(format);
  });

  it('need a format that the name or a flag says', async () => {
    writeFileSync(join(folder, 'a.txt'), '{}');
    await expect(openInput(join(folder, 'a.txt'), undefined)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    await expect(openInput(join(folder, 'none.csv'), undefined)).rejects.toThrow('there is no such file');
  });
});

describe('a CSV cell', () => {
  it.each([
    ['7', ['integer'], 7],
    ['-1.5e3', ['number'], -1500],
    ['seven', ['integer'], 'seven'],
    ['9007199254740993', ['integer'], '9007199254740993'],
    ['0x10', ['number'], '0x10'],
    ['7', ['string', 'integer'], '7'],
    ['7', [], '7'],
    ['False', ['boolean'], false],
    ['yes', ['boolean'], 'yes'],
    ['', ['string'], undefined],
    ['', ['number', 'null'], null],
    ['{"a":1}', ['object'], { a: 1 }],
    ['{a', ['object'], '{a'],
  ])('%j of type %j becomes %j', (text, types, value) => {
    expect(cellValue(text, types)).toEqual(value);
  });
});
