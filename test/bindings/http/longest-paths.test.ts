// The paths of a task: all of them are counted, the longest are shown, and a graph of millions of paths takes no time.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { longestPaths } from '../../../bindings/http/longest-paths.ts';

/** Steps 0, 1, 2, ... with these parents, each among those before it. */
function graphOf(parents: readonly (readonly number[])[]) {
  return parents.map((parents_ids, workflow_step_id) => ({
    workflow_step_id,
    parents_ids,
    children_ids: parents.flatMap((ids, child) => (ids.includes(workflow_step_id) ? [child] : [])),
  }));
}
type Graph = ReturnType<typeof graphOf>;

/** All paths, made one by one. */
function everyPath(graph: Graph): number[][] {
  const from = (id: number): number[][] => {
    const children = graph[id]?.children_ids ?? [];
    return children.length === 0 ? [[id]] : children.flatMap((child) => from(child).map((way) => [id, ...way])); // prettier-ignore
  };
  return graph
    .filter(({ parents_ids }) => parents_ids.length === 0)
    .flatMap((root) => from(root.workflow_step_id));
}

const anyGraph = fc
  .array(fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), { maxLength: 8 })
  .map((rows) => graphOf(rows.map((row, child) => row.flatMap((is, id) => (is && id < child ? [id] : [])))));

test('they are the longest of all paths, and all are counted', () => {
  const law = fc.property(anyGraph, fc.integer({ min: 1, max: 12 }), (graph, most) => {
    const every = everyPath(graph).toSorted((one, other) => other.length - one.length);
    const { total, paths } = longestPaths(graph, most);
    expect(total).toBe(every.length);
    expect(paths.map(({ length }) => length)).toEqual(every.slice(0, most).map(({ length }) => length));
    expect(every).toEqual(expect.arrayContaining([...paths]));
    expect(new Set(paths.map(String)).size).toBe(paths.length);
  });
  fc.assert(law);
});

test('a ladder with more paths than a number can hold has its longest ones shown', () => {
  const rungs = Array.from({ length: 200 }, (_, id) =>
    id < 2 ? [] : [id - (id % 2) - 2, id - (id % 2) - 1],
  );
  const { total, paths } = longestPaths(graphOf(rungs), 10);
  expect(total).toBe(Number.MAX_SAFE_INTEGER);
  expect(paths.map(({ length }) => length)).toEqual(Array.from({ length: 10 }, () => 100));
});
