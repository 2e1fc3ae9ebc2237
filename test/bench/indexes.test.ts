// The benchmark of indexes runs at its smallest size, on the three sets of indexes that it promises.
import { expect, test } from 'vitest';
import { quickBench } from '../support/benches.ts';

interface Row {
  readonly schema: string;
  readonly indexes: number;
  readonly index_bytes_per_step: number;
}

test('indexes does the same work with fewer and fewer of them, and keeps less of them', async () => {
  const { rows } = await quickBench<{ readonly rows: readonly Row[] }>('indexes');
  expect(rows.map(({ schema, indexes }) => [schema, indexes])).toEqual([
    ['rails', 99],
    ['duplicates', 75],
    ['all', 55],
  ]);
  const [rails, duplicates, all] = rows.map((row) => row.index_bytes_per_step);
  expect(duplicates).toBeLessThan(rails ?? 0);
  expect(all).toBeLessThan(duplicates ?? 0);
});
