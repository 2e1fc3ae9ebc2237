import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DagNode } from '../../../core/template/dag.ts';
import { ancestors, cycleText, findCycle, levels, topologicalOrder } from '../../../core/template/dag.ts';
import { acyclicGraph, anyGraph, errorOf } from './templates.ts';

function graph(edges: Record<string, string[]>): DagNode[] {
  return Object.entries(edges).map(([name, depends_on_steps]) => ({ name, depends_on_steps }));
}

/** Independent oracle (Floyd and Warshall): which step is reached from which over any number of edges. */
function reachability(nodes: readonly DagNode[]): (from: string, to: string) => boolean {
  const names = nodes.map((node) => node.name);
  const reached = new Set(nodes.flatMap((node) => node.depends_on_steps.map((up) => `${up}>${node.name}`)));
  for (const via of names) {
    for (const from of names) {
      for (const to of names) {
        if (reached.has(`${from}>${via}`) && reached.has(`${via}>${to}`)) reached.add(`${from}>${to}`);
      }
    }
  }
  return (from, to) => reached.has(`${from}>${to}`);
}

function chain(length: number): DagNode[] {
  return Array.from({ length }, (_, index) => ({
    name: `s${index}`,
    depends_on_steps: index === 0 ? [] : [`s${index - 1}`],
  }));
}

describe('findCycle', () => {
  test('names the cycle in the order of the flow, beginning with the step declared first', () => {
    const nodes = graph({ start: [], a: ['start', 'c'], b: ['a'], c: ['b'] });
    expect(findCycle(nodes)).toEqual(['a', 'b', 'c']);
    expect(cycleText(['a', 'b', 'c'])).toBe('a -> b -> c -> a');
  });

  test('a step that depends on itself is a cycle of one', () => {
    expect(findCycle(graph({ a: ['a'] }))).toEqual(['a']);
  });

  test('a diamond and unknown parents are no cycle', () => {
    expect(findCycle(graph({ a: ['nobody'], b: ['a'], c: ['a'], d: ['b', 'c'] }))).toBeUndefined();
  });

  test('finds a cycle exactly when some step reaches itself', () => {
    fc.assert(
      fc.property(anyGraph, (nodes) => {
        const reaches = reachability(nodes);
        expect(findCycle(nodes) !== undefined).toBe(nodes.some(({ name }) => reaches(name, name)));
      }),
    );
  });

  test('every name it answers is a parent of the next one, and none occurs twice', () => {
    fc.assert(
      fc.property(anyGraph, (nodes) => {
        const cycle = findCycle(nodes) ?? [];
        const parents = new Map(nodes.map((node) => [node.name, node.depends_on_steps]));
        cycle.forEach((name, index) => {
          expect(parents.get(cycle[(index + 1) % cycle.length] ?? '')).toContain(name);
        });
        expect(new Set(cycle).size).toBe(cycle.length);
      }),
    );
  });

  test('a chain of 50,000 steps closed to a ring is found without overflowing the stack', () => {
    const [first, ...rest] = chain(50_000);
    const ring = [{ name: first?.name ?? '', depends_on_steps: ['s49999'] }, ...rest];
    expect(findCycle(ring)).toHaveLength(50_000);
  });
});

describe('levels and order', () => {
  test('a step lies one below its deepest parent', () => {
    const level = levels(graph({ a: [], b: ['a'], c: ['a', 'b'], d: [] }));
    expect(Object.fromEntries(level)).toEqual({ a: 0, b: 1, c: 2, d: 0 });
  });

  test('a root has level 0 and every other step one more than the largest level of its parents', () => {
    fc.assert(
      fc.property(acyclicGraph, (nodes) => {
        const level = levels(nodes);
        expect(level.size).toBe(nodes.length);
        for (const { name, depends_on_steps } of nodes) {
          const above = depends_on_steps.map((parent) => level.get(parent) ?? NaN);
          expect(level.get(name)).toBe(1 + Math.max(-1, ...above));
        }
      }),
    );
  });

  test('the order puts all parents before their children', () => {
    fc.assert(
      fc.property(acyclicGraph, (nodes) => {
        const order = topologicalOrder(nodes);
        expect(order.toSorted()).toEqual(nodes.map(({ name }) => name).toSorted());
        for (const { name, depends_on_steps } of nodes) {
          for (const parent of depends_on_steps)
            expect(order.indexOf(parent)).toBeLessThan(order.indexOf(name));
        }
      }),
    );
  });

  test('a chain of 50,000 steps has 50,000 levels', () => {
    expect(levels(chain(50_000)).get('s49999')).toBe(49_999);
  });

  test('a cycle has no levels, and the error names it', () => {
    const error = errorOf(() => levels(graph({ a: ['b'], b: ['a'] })));
    expect(error).toMatchObject({
      code: 'invalid_template',
      message: expect.stringContaining('a -> b -> a'),
    });
  });
});

test('ancestors are exactly the steps from which a step is reached', () => {
  fc.assert(
    fc.property(acyclicGraph, (nodes) => {
      const reaches = reachability(nodes);
      for (const { name } of nodes) {
        const expected = nodes.map((node) => node.name).filter((other) => reaches(other, name));
        expect([...ancestors(nodes, name)].toSorted()).toEqual(expected.toSorted());
      }
    }),
  );
});
