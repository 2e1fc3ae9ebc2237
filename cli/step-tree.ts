// A DAG of steps as an outline in which every step stands once. A step with one parent hangs under it; one with several
// stands, with the names of its parents, after the branches that meet in it, at the level of the step where they began to
// part (its immediate dominator). An only child continues its parent's column, so that a chain of forty steps stays a list.

export interface TreeNode {
  readonly workflow_step_id: number;
  readonly parent_ids: readonly number[];
}

export interface TreeLine<Node> {
  /** What stands before the step: `│  ├─ `. */
  readonly prefix: string;
  readonly node: Node;
  /** Filled when it has more than one. */
  readonly joins: readonly Node[];
}

/** Lines from top to bottom. Steps in a cycle, which no template of ours can have, come last. */
export function treeLines<Node extends TreeNode>(nodes: readonly Node[]): TreeLine<Node>[] {
  const byId = new Map(nodes.map((node) => [node.workflow_step_id, node]));
  const parents = (node: Node): Node[] => node.parent_ids.flatMap((id) => byId.get(id) ?? []);
  const order = topological(nodes, parents);
  const hung = hungUnder(order, parents);
  const lines: TreeLine<Node>[] = [];
  // a stack of our own: a chain of ten thousand steps would be too deep for calls
  const stack = placed(hung.get(undefined) ?? [], '');
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { node, prefix, below } = next;
    const above = parents(node);
    lines.push({ prefix, node, joins: above.length > 1 ? above : [] });
    stack.push(...placed(hung.get(node) ?? [], below));
  }
  const shown = new Set(order);
  return [
    ...lines,
    ...nodes.filter((node) => !shown.has(node)).map((node) => ({ prefix: '', node, joins: parents(node) })),
  ];
}

interface Placed<Node> {
  readonly node: Node;
  readonly prefix: string;
  /** What stands before the steps that hang under it. */
  readonly below: string;
}

/** In reverse, for the stack. */
function placed<Node extends TreeNode>(nodes: readonly Node[], prefix: string): Placed<Node>[] {
  const [only] = nodes;
  if (only && nodes.length === 1) return [{ node: only, prefix, below: prefix }];
  const branches = nodes.filter((node) => node.parent_ids.length <= 1);
  const joins = nodes.filter((node) => node.parent_ids.length > 1);
  return [
    ...branches.map((node, index) => {
      const isLast = index === branches.length - 1;
      return {
        node,
        prefix: `${prefix}${isLast ? '└─ ' : '├─ '}`,
        below: `${prefix}${isLast ? '   ' : '│  '}`,
      };
    }),
    ...joins.map((node) => ({ node, prefix, below: prefix })),
  ].toReversed();
}

/** Parents before children, otherwise in the given order. */
function topological<Node extends TreeNode>(nodes: readonly Node[], parents: (node: Node) => Node[]): Node[] {
  const children = new Map<Node, Node[]>();
  const open = new Map<Node, number>();
  for (const node of nodes) {
    const above = parents(node);
    open.set(node, above.length);
    for (const parent of above) {
      const known = children.get(parent);
      if (known) known.push(node);
      else children.set(parent, [node]);
    }
  }
  const order = nodes.filter((node) => open.get(node) === 0);
  for (const node of order) {
    for (const child of children.get(node) ?? []) {
      const left = (open.get(child) ?? 0) - 1;
      open.set(child, left);
      if (left === 0) order.push(child);
    }
  }
  return order;
}

/** Each step under its immediate dominator; under nothing when its ways from the roots share no step. */
function hungUnder<Node extends TreeNode>(
  order: readonly Node[],
  parents: (node: Node) => Node[],
): Map<Node | undefined, Node[]> {
  const above = new Map<Node, Node | undefined>();
  const depth = new Map<Node | undefined, number>([[undefined, 0]]);
  const hung = new Map<Node | undefined, Node[]>();
  const depthOf = (node: Node | undefined): number => depth.get(node) ?? 0;
  const meet = (left: Node | undefined, right: Node | undefined): Node | undefined => {
    let [a, b] = [left, right];
    while (a !== b) {
      if (depthOf(a) >= depthOf(b)) a = a && above.get(a);
      else b = b && above.get(b);
    }
    return a;
  };
  for (const node of order) {
    const [first, ...others] = parents(node);
    const place = others.reduce<Node | undefined>(meet, first);
    above.set(node, place);
    depth.set(node, depthOf(place) + 1);
    const known = hung.get(place);
    if (known) known.push(node);
    else hung.set(place, [node]);
  }
  return hung;
}
