// The law of the Batcher: every item is answered for itself, in the order in which they came, in batches that grow with
// the load, by no more lanes than allowed; an error is that of its own batch.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Batcher } from '../../engine/batcher.ts';
import { deferred, settled } from '../support/step-invocation.ts';

test('what is added in one turn of the loop goes together', async () => {
  const batches: number[][] = [];
  const batcher = new Batcher<number, number>({
    maxSize: 10,
    run: async (items) => {
      batches.push([...items]);
      return items.map((item) => item * 2);
    },
  });
  expect(await Promise.all([1, 2, 3].map((item) => batcher.add(item)))).toEqual([2, 4, 6]);
  expect(batches).toEqual([[1, 2, 3]]);
});

test('while one batch is under way the next collects', async () => {
  const [batches, first] = [[] as number[][], deferred<void>()];
  const batcher = new Batcher<number, number>({
    maxSize: 10,
    run: async (items) => {
      if (batches.push([...items]) === 1) await first.promise;
      return items;
    },
  });
  const added = [batcher.add(1)];
  await settled();
  added.push(batcher.add(2));
  await settled();
  added.push(batcher.add(3));
  expect([batches, batcher.size]).toEqual([[[1]], 2]);
  first.resolve();
  await Promise.all(added);
  expect(batches).toEqual([[1], [2, 3]]);
});

test('an error is that of its own batch, and the next one goes on', async () => {
  const batcher = new Batcher<number, number>({
    maxSize: 2,
    run: async (items) => {
      if (items.includes(1)) throw new Error('this batch');
      return items;
    },
  });
  const results = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)));
  expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'fulfilled']);
});

test('a run that throws before it returns a promise rejects its batch', async () => {
  const batcher = new Batcher<number, number>({
    maxSize: 1,
    run: () => {
      throw new Error('at once');
    },
  });
  await expect(batcher.add(1)).rejects.toThrow('at once');
});

/** A batcher whose batches end when the test says so. */
function held(options: {
  lanes: number;
  worthALane: number;
  maxSize?: number;
  keyOf?: (item: number) => unknown;
}) {
  const batches: { readonly items: readonly number[]; readonly end: () => void }[] = [];
  const run = async (items: readonly number[]) => {
    const { promise, resolve } = deferred<void>();
    batches.push({ items, end: resolve });
    await promise;
    return items;
  };
  const batcher = new Batcher<number, number>({ maxSize: 100, ...options, run });
  const add = async (...items: number[]) => {
    for (const item of items) void batcher.add(item);
    await settled();
  };
  return { batches, add };
}

test('few items wait for the lane that is busy, many open another one', async () => {
  const { batches, add } = held({ lanes: 2, worthALane: 3 });
  await add(1);
  await add(2, 3);
  expect(batches.map(({ items }) => items)).toEqual([[1]]);
  await add(4);
  expect(batches.map(({ items }) => items)).toEqual([[1], [2, 3, 4]]);
});

test('a burst is shared among the lanes', async () => {
  const { batches, add } = held({ lanes: 2, worthALane: 2 });
  await add(1, 2, 3, 4, 5, 6);
  expect(batches.map(({ items }) => items)).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
});

test('items that would wait for each other share one lane', async () => {
  const { batches, add } = held({ lanes: 2, worthALane: 2, keyOf: (item) => item < 10 });
  await add(1, 2, 3, 4);
  await add(5, 6);
  expect(batches.map(({ items }) => items)).toEqual([[1, 2, 3, 4]]);
  await add(11);
  expect(batches.map(({ items }) => items)).toEqual([
    [1, 2, 3, 4],
    [5, 6, 11],
  ]);
});

test('a further lane closes when it is not worth it, and the last one takes what is left', async () => {
  const { batches, add } = held({ lanes: 2, worthALane: 2 });
  await add(1, 2, 3, 4);
  await add(5);
  batches[0]?.end();
  await settled();
  expect(batches).toHaveLength(2);
  batches[1]?.end();
  await settled();
  expect(batches.map(({ items }) => items)).toEqual([[1, 2], [3, 4], [5]]);
});

test('when both lanes end in the same turn, nothing is left behind', async () => {
  const { batches, add } = held({ lanes: 2, worthALane: 2 });
  await add(1, 2, 3, 4);
  await add(5);
  for (const { end } of batches) end();
  await settled();
  expect(batches.map(({ items }) => items)).toEqual([[1, 2], [3, 4], [5]]);
});

const anyLoad = fc.record({
  maxSize: fc.integer({ min: 1, max: 5 }),
  lanes: fc.integer({ min: 1, max: 3 }),
  worthALane: fc.integer({ min: 1, max: 4 }),
  turns: fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 8 }),
});

/** Adds so many items in each turn of the loop and watches the batches. */
async function underLoad({
  maxSize,
  lanes,
  worthALane,
  turns,
}: {
  maxSize: number;
  lanes: number;
  worthALane: number;
  turns: readonly number[];
}) {
  const seen = { batches: [] as number[][], most: 0 };
  let under = 0;
  const run = async (items: readonly number[]) => {
    seen.batches.push([...items]);
    seen.most = Math.max(seen.most, (under += 1));
    await settled();
    under -= 1;
    return items.map((item) => `answer ${item}`);
  };
  const batcher = new Batcher<number, string>({ maxSize, lanes, worthALane, run });
  const answers: Promise<string>[] = [];
  for (const count of turns) {
    for (let n = 0; n < count; n += 1) answers.push(batcher.add(answers.length));
    await settled();
  }
  return { ...seen, answers: await Promise.all(answers) };
}

test('under any load the law holds', async () => {
  const law = fc.asyncProperty(anyLoad, async (load) => {
    const { batches, most, answers } = await underLoad(load);
    expect(answers).toEqual(answers.map((_, item) => `answer ${item}`));
    expect(batches.flat()).toEqual(answers.map((_, item) => item));
    expect(Math.max(0, ...batches.map((batch) => batch.length))).toBeLessThanOrEqual(load.maxSize);
    expect(most).toBeLessThanOrEqual(load.lanes);
  });
  await fc.assert(law, { numRuns: 200 });
});
