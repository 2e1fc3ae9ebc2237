import { describe, expect, it } from 'vitest';
import { treeLines } from '../../cli/step-tree.ts';

interface Step {
  readonly workflow_step_id: number;
  readonly name: string;
  readonly parent_ids: readonly number[];
}

/** `{ b: 'a' }`: b comes after a. Names in the order of their ids. */
function steps(graph: Readonly<Record<string, string>>): Step[] {
  const names = Object.keys(graph);
  return names.map((name, index) => ({
    workflow_step_id: index + 1,
    name,
    parent_ids: (graph[name] ?? '').split('').map((parent) => names.indexOf(parent) + 1),
  }));
}

function drawn(graph: Readonly<Record<string, string>>): string[] {
  return treeLines(steps(graph)).map(({ prefix, node, joins }) => {
    const from = joins.length > 0 ? ` <- ${joins.map(({ name }) => name).join(', ')}` : '';
    return `${prefix}${node.name}${from}`;
  });
}

describe('the tree of a task', () => {
  it('keeps a chain in one column', () => {
    expect(drawn({ a: '', b: 'a', c: 'b' })).toEqual(['a', 'b', 'c']);
  });

  it('puts a join after the branches that meet in it', () => {
    expect(drawn({ a: '', b: 'a', c: 'a', d: 'bc', e: 'd' })).toEqual([
      'a',
      '├─ b',
      '└─ c',
      'd <- b, c',
      'e',
    ]);
  });

  it('hangs what follows a branch under it', () => {
    expect(drawn({ a: '', b: 'a', c: 'a', d: 'b', e: 'b' })).toEqual([
      'a',
      '├─ b',
      '│  ├─ d',
      '│  └─ e',
      '└─ c',
    ]);
  });

  it('draws several roots as branches', () => {
    expect(drawn({ a: '', b: '', c: 'ab' })).toEqual(['├─ a', '└─ b', 'c <- a, b']);
  });

  it('shows every step once, steps of a cycle at the end', () => {
    expect(drawn({ a: '', b: 'c', c: 'b' })).toEqual(['a', 'b <- c', 'c <- b']);
  });

  it('holds a ladder of ten thousand steps', () => {
    const ladder = Array.from({ length: 10_000 }, (_, index) => ({
      workflow_step_id: index,
      parent_ids: [index - 1, index - 2].filter((id) => id >= 0),
    }));
    const lines = treeLines(ladder);
    expect(new Set(lines.map(({ node }) => node)).size).toBe(10_000);
  });
});
