// The ways through the graph of a task, from a step without parents to one without children: how many there are, and the longest
// of them. A ladder of forty steps has half a million: they are counted, and only those that are shown are ever made.

/** What is asked of a step. */
export interface Node {
  readonly workflow_step_id: number;
  readonly parents_ids: readonly number[];
  readonly children_ids: readonly number[];
}

interface Ways {
  /** The longest ones that end at a step, the longest first. */
  readonly longest: readonly Way[];
  readonly total: number;
}

/** Shares its beginning with others. */
interface Way {
  readonly length: number;
  readonly step_id: number;
  readonly before: Way | undefined;
}

/** `order`: parents before their children. Beyond 2^53 paths the total stays there. */
export function longestPaths(
  order: readonly Node[],
  most: number,
): { readonly total: number; readonly paths: readonly (readonly number[])[] } {
  const known = new Map<number, Ways>();
  for (const step of order) known.set(step.workflow_step_id, waysTo(step, known, most));
  const ends = order.filter(({ children_ids }) => children_ids.length === 0);
  const all = merged(
    ends.flatMap(({ workflow_step_id: id }) => known.get(id) ?? []),
    most,
  );
  return { total: all.total, paths: all.longest.map(stepsOf) };
}

function waysTo(
  { workflow_step_id: step_id, parents_ids }: Node,
  known: ReadonlyMap<number, Ways>,
  most: number,
): Ways {
  if (parents_ids.length === 0) return { longest: [{ length: 1, step_id, before: undefined }], total: 1 };
  const { longest, total } = merged(
    [...new Set(parents_ids)].flatMap((id) => known.get(id) ?? []),
    most,
  );
  return { longest: longest.map((before) => ({ length: before.length + 1, step_id, before })), total };
}

function merged(parts: readonly Ways[], most: number): Ways {
  const longest = parts.flatMap((part) => part.longest).toSorted((one, other) => other.length - one.length);
  const total = parts.reduce((sum, part) => sum + part.total, 0);
  return { longest: longest.slice(0, most), total: Math.min(total, Number.MAX_SAFE_INTEGER) };
}

function stepsOf(way: Way): number[] {
  const steps: number[] = [];
  for (let at: Way | undefined = way; at; at = at.before) steps.push(at.step_id);
  return steps.toReversed();
}
