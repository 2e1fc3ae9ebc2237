// The list of dispensable indexes is held to the schema: what it says of an index is so, and nothing that is needed is on it.
import { describe, expect, it } from 'vitest';
import { railsCatalog, type Index } from '../../sql/catalog.ts';
import { DISPENSABLE, withoutDispensed, type Reason } from '../../sql/dispensable-indexes.ts';

const { tables, ...rest } = await railsCatalog();
const rails = new Map(
  Object.entries(tables).flatMap(([table, { indexes }]) =>
    indexes.map((index) => [index.name, { ...index, table }] as const),
  ),
);

interface Pair {
  readonly name: string;
  readonly index: Index;
  readonly instead: Index;
}

/** Those of this reason that name another index, with it. */
function pairsOf(wanted: Reason): Pair[] {
  return [...DISPENSABLE].flatMap(([name, { reason, instead }]) => {
    const [one, other] = [rails.get(name), rails.get(instead ?? '')];
    return reason === wanted && one && other ? [{ name, index: one, instead: other }] : [];
  });
}

const rowsOf = ({ method, predicate }: Index): object => ({ method, predicate });

describe('a dispensable index', () => {
  it.each([...DISPENSABLE])(
    '%s is one of the Rails engine, not unique, and leans on its own table',
    (name, one) => {
      expect(rails.get(name)).toMatchObject({ unique: false });
      expect(rails.get(one.instead ?? name)?.table).toBe(rails.get(name)?.table);
    },
  );

  it('leans on one that stays, but for the prefix of one that no query uses', () => {
    const leaning = [...DISPENSABLE].filter(([, { instead }]) => DISPENSABLE.has(instead ?? ''));
    expect(leaning).toEqual([
      [
        'index_workflow_steps_retry_status',
        { reason: 'prefix', instead: 'index_workflow_steps_retry_logic' },
      ],
    ]);
  });

  it.each(pairsOf('duplicate'))('$name has the columns and rows of its duplicate', ({ index, instead }) => {
    const { name: _name, unique: _unique, ...definition } = index;
    expect(instead).toMatchObject(definition);
  });

  it.each(pairsOf('prefix'))('$name has the first columns of the other, over the same rows', (pair) => {
    const { index, instead } = pair;
    expect(rowsOf(instead)).toEqual(rowsOf(index));
    expect(instead.keys.slice(0, index.keys.length)).toEqual(index.keys);
    expect(index.include).toEqual([]);
  });

  it.each(pairsOf('unused'))('$name begins with the column of the one that answers instead', (pair) => {
    expect(pair.instead.keys[0]).toBe(pair.index.keys[0]);
  });
});

describe('without all of them', () => {
  it('a catalogue that has them is held to them, and one that has not is not', () => {
    const lean = Object.fromEntries(
      Object.entries(tables).map(([name, table]) => [
        name,
        { ...table, indexes: table.indexes.filter((index) => !DISPENSABLE.has(index.name)) },
      ]),
    );
    const whole = { ...rest, tables };
    expect(withoutDispensed(whole, whole)).toEqual(whole);
    expect(withoutDispensed(whole, { ...rest, tables: lean })).toEqual({ ...rest, tables: lean });
    expect(withoutDispensed(whole, { ...rest, tables: {} }).tables).toEqual(lean);
  });

  it('every foreign key still has an index that begins with its column, for deletes to look along', () => {
    const unsupported = Object.values(tables).flatMap(({ foreign_keys, indexes }) => {
      const stay = indexes.filter(({ name, predicate }) => predicate === null && !DISPENSABLE.has(name));
      return foreign_keys.filter(({ columns }) => !stay.some(({ keys }) => keys[0] === columns[0]));
    });
    expect(unsupported).toEqual([]);
  });

  it('every unique index and every index of a small table stays', () => {
    const small = /^tasker_(named|dependent|annotation_types|task_namespaces)/;
    const touched = [...DISPENSABLE.keys()].map((name) => rails.get(name)?.table ?? name);
    expect(touched.filter((table) => small.test(table))).toEqual([]);
  });
});
