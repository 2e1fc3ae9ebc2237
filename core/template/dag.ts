// The rules of a graph of steps, on names alone: cycles, levels, order, ancestors. Iterative and linear in steps plus
// edges, so that chains of many thousand steps neither overflow the stack nor take long. Names nobody has are ignored.
import { TreadleError } from '../errors.ts';

/** A step as the graph sees it. Names are unique. */
export interface DagNode {
  readonly name: string;
  readonly depends_on_steps: readonly string[];
}

type Parents = ReadonlyMap<string, readonly string[]>;

function parentsByName(nodes: readonly DagNode[]): Parents {
  const names = new Set(nodes.map((node) => node.name));
  return new Map(nodes.map((node) => [node.name, node.depends_on_steps.filter((name) => names.has(name))]));
}

/**
 * The names of one cycle, or undefined when there is none. In the order of the flow (each name is a parent of the
 * next, the last of the first), beginning with the one that is declared first. A step that depends on itself is one.
 */
export function findCycle(nodes: readonly DagNode[]): string[] | undefined {
  const parents = parentsByName(nodes);
  const finished = new Set<string>();
  for (const { name } of nodes) {
    const cycle = finished.has(name) ? undefined : cycleAbove(name, parents, finished);
    if (cycle) return fromFirstDeclared(cycle, nodes);
  }
  return undefined;
}

/** Depth first from one step towards its parents. The trail holds who asked for whom; meeting it again is a cycle. */
function cycleAbove(start: string, parents: Parents, finished: Set<string>): string[] | undefined {
  const trail: { name: string; next: number }[] = [{ name: start, next: 0 }];
  const onTrail = new Set([start]);
  for (let top = trail.at(-1); top; top = trail.at(-1)) {
    const parent = parents.get(top.name)?.[top.next];
    top.next += 1;
    if (parent === undefined) {
      finished.add(top.name);
      onTrail.delete(top.name);
      trail.pop();
    } else if (onTrail.has(parent)) {
      const names = trail.map(({ name }) => name);
      return names.slice(names.indexOf(parent)).toReversed();
    } else if (!finished.has(parent)) {
      trail.push({ name: parent, next: 0 });
      onTrail.add(parent);
    }
  }
  return undefined;
}

function fromFirstDeclared(cycle: readonly string[], nodes: readonly DagNode[]): string[] {
  const members = new Set(cycle);
  const first = nodes.find((node) => members.has(node.name))?.name ?? '';
  const start = cycle.indexOf(first);
  return [...cycle.slice(start), ...cycle.slice(0, start)];
}

/**
 * The level of every step: 0 without parents, else one more than its deepest parent (the longest path).
 * Throws TreadleError `invalid_template` when there is a cycle.
 */
export function levels(nodes: readonly DagNode[]): Map<string, number> {
  const parents = parentsByName(nodes);
  const open = new Map([...parents].map(([name, above]) => [name, above.length]));
  const children = childrenByName(parents);
  const level = new Map<string, number>();
  const settled = nodes.map((node) => node.name).filter((name) => open.get(name) === 0);
  for (const name of settled) level.set(name, 0);
  // The list grows while it is walked: a step joins when its last parent has been seen. That keeps the list in the
  // order of levels, so the last parent seen is a deepest one.
  for (const name of settled) {
    for (const child of children.get(name) ?? []) {
      const left = (open.get(child) ?? 0) - 1;
      open.set(child, left);
      if (left > 0) continue;
      level.set(child, (level.get(name) ?? 0) + 1);
      settled.push(child);
    }
  }
  if (settled.length < parents.size) {
    const cycle = findCycle(nodes) ?? [];
    throw new TreadleError('invalid_template', `expected steps without a cycle, came ${cycleText(cycle)}`);
  }
  return level;
}

function childrenByName(parents: Parents): Map<string, string[]> {
  const children = new Map<string, string[]>([...parents.keys()].map((name) => [name, []]));
  for (const [name, above] of parents) {
    for (const parent of above) children.get(parent)?.push(name);
  }
  return children;
}

/** Names with every parent before its children: by level, within a level as declared. Throws as `levels` does. */
export function topologicalOrder(nodes: readonly DagNode[]): string[] {
  const level = levels(nodes);
  const rank = (node: DagNode): number => level.get(node.name) ?? 0;
  return nodes.toSorted((left, right) => rank(left) - rank(right)).map((node) => node.name);
}

/** Every step that has to finish before this one, its parents' parents included. */
export function ancestors(nodes: readonly DagNode[], name: string): Set<string> {
  const parents = parentsByName(nodes);
  const found = new Set(parents.get(name));
  // A set that grows while it is walked visits what was added.
  for (const ancestor of found) {
    for (const parent of parents.get(ancestor) ?? []) found.add(parent);
  }
  return found;
}

/** `a -> b -> c -> a`, as people write a cycle. */
export function cycleText(cycle: readonly string[]): string {
  return [...cycle, ...cycle.slice(0, 1)].join(' -> ');
}
