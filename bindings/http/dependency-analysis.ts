// How the steps of a task hang together and what holds it up, as the Rails engine's `dependency_analysis` says it: the graph, the longest
// paths, what can run side by side, what failed and what waits behind it. Every step is looked at once for each of its edges.
import type { z } from 'zod';
import { longestPaths } from './longest-paths.ts';
import type { step } from './shapes.ts';

type Step = z.infer<typeof step>;

/** More paths, chains and bottlenecks than these nobody reads. */
const MOST = 10;
const DONE = new Set(['complete', 'resolved_manually']);

export function dependencyAnalysis(steps: readonly Step[], at: Date): object {
  const graph = graphOf(steps);
  const critical = criticalPaths(graph);
  const chains = errorChains(graph);
  const narrow = bottlenecks(graph);
  return {
    dependency_graph: graph.shown,
    critical_paths: critical,
    parallelism_opportunities: parallelism(graph),
    error_chains: { total: chains.length, chains },
    bottlenecks: { total: narrow.length, bottlenecks: narrow },
    analysis_timestamp: at.toISOString(),
    task_execution_summary: summary(graph, critical, chains, narrow),
  };
}

interface Graph {
  readonly steps: ReadonlyMap<number, Step>;
  readonly levels: ReadonlyMap<number, number>;
  /** Parents before their children. */
  readonly order: readonly Step[];
  readonly shown: object;
  readonly edges: number;
}

function graphOf(list: readonly Step[]): Graph {
  const steps = new Map(list.map((step) => [step.workflow_step_id, step]));
  const order = parentsFirst(steps);
  const levels = new Map<number, number>();
  for (const { workflow_step_id: id, parents_ids } of order) {
    levels.set(id, Math.max(-1, ...parents_ids.map((parent) => levels.get(parent) ?? -1)) + 1);
  }
  const edges = order.flatMap(({ workflow_step_id: to, parents_ids }) =>
    parents_ids.map((from) => ({ from, to })),
  );
  const by = (ids: (step: Step) => readonly number[]) =>
    Object.fromEntries(order.map((step) => [step.workflow_step_id, ids(step)]));
  const shown = {
    nodes: order.map(({ workflow_step_id: id, name }) => ({ id, name, level: levels.get(id) ?? 0 })),
    edges,
    adjacency_list: by(({ children_ids }) => children_ids),
    reverse_adjacency_list: by(({ parents_ids }) => parents_ids),
    dependency_levels: Object.fromEntries(levels),
  };
  return { steps, levels, order, shown, edges: edges.length };
}

/** What stands in a circle is left out. */
function parentsFirst(steps: ReadonlyMap<number, Step>): Step[] {
  const open = new Map([...steps.values()].map((step) => [step.workflow_step_id, step.parents_ids.length]));
  const order = [...steps.values()].filter((step) => step.parents_ids.length === 0);
  for (const step of order) {
    for (const child of step.children_ids) {
      const left = (open.get(child) ?? 0) - 1;
      open.set(child, left);
      const next = steps.get(child);
      if (left === 0 && next) order.push(next);
    }
  }
  return order;
}

interface Critical {
  readonly total_paths: number;
  readonly longest_path_length: number;
  readonly paths: readonly {
    readonly length: number;
    readonly step_ids: readonly number[];
    readonly completed_steps: number;
  }[];
}

/** Of all paths from a root to a leaf the longest, the longest first; `total_paths` says how many there are. */
function criticalPaths({ steps, order }: Graph): Critical {
  const { total, paths } = longestPaths(order, MOST);
  return {
    total_paths: total,
    longest_path_length: paths[0]?.length ?? 0,
    paths: paths.map((step_ids) => ({
      length: step_ids.length,
      step_ids,
      completed_steps: step_ids.filter((id) => DONE.has(steps.get(id)?.status ?? '')).length,
    })),
  };
}

function levelOf(levels: ReadonlyMap<number, number>, { workflow_step_id }: Step): number {
  return levels.get(workflow_step_id) ?? 0;
}

function parallelism({ order, levels }: Graph): {
  readonly max_parallel_steps: number;
  readonly levels: object[];
} {
  const byLevel = new Map<number, number[]>();
  for (const step of order) {
    const level = levelOf(levels, step);
    byLevel.set(level, [...(byLevel.get(level) ?? []), step.workflow_step_id]);
  }
  const sizes = [...byLevel.values()].map((ids) => ids.length);
  return {
    max_parallel_steps: Math.max(0, ...sizes),
    levels: [...byLevel].map(([level, step_ids]) => ({
      level,
      step_ids,
      can_run_in_parallel: step_ids.length > 1,
    })),
  };
}

interface Chain {
  readonly root_error_step_id: number;
  readonly name: string;
  readonly blocked_steps: number;
}

function errorChains(graph: Graph): Chain[] {
  return graph.order
    .filter(({ status }) => status === 'error')
    .map((step) => ({
      root_error_step_id: step.workflow_step_id,
      name: step.name,
      blocked_steps: behind(step, graph.steps).size,
    }));
}

interface Bottleneck {
  readonly step_id: number;
  readonly name: string;
  readonly status: string;
  readonly blocked_steps: number;
  readonly severity: 'critical' | 'warning';
}

/** What is not done and has most waiting behind it. */
function bottlenecks({ order, steps }: Graph): Bottleneck[] {
  return order
    .filter(({ status, children_ids, parents_ids }) => {
      const reached = parents_ids.every((id) => DONE.has(steps.get(id)?.status ?? ''));
      return reached && !DONE.has(status) && children_ids.length > 0;
    })
    .slice(0, 1000)
    .map((step): Bottleneck => {
      const { workflow_step_id: step_id, name, status } = step;
      const severity = status === 'error' || status === 'cancelled' ? 'critical' : 'warning';
      return { step_id, name, status, blocked_steps: behind(step, steps).size, severity };
    })
    .toSorted((one, other) => other.blocked_steps - one.blocked_steps)
    .slice(0, MOST);
}

/** All that waits for a step, near and far. */
function behind(step: Step, steps: ReadonlyMap<number, Step>): ReadonlySet<number> {
  const found = new Set<number>(step.children_ids);
  for (const id of found) for (const child of steps.get(id)?.children_ids ?? []) found.add(child);
  return found;
}

function summary(
  { steps, edges, levels }: Graph,
  { longest_path_length }: Critical,
  chains: readonly Chain[],
  narrow: readonly Bottleneck[],
): object {
  const critical = narrow.filter(({ severity }) => severity === 'critical').length;
  const depth = Math.max(0, ...levels.values()) + (levels.size > 0 ? 1 : 0);
  return {
    total_steps: steps.size,
    total_dependencies: edges,
    dependency_levels: depth,
    longest_path_length,
    critical_bottlenecks_count: critical,
    error_chains_count: chains.length,
    parallelism_efficiency: depth === 0 ? 0 : Math.round((100 * (steps.size - depth)) / steps.size),
    overall_health: critical > 0 ? 'critical' : chains.length > 0 ? 'warning' : 'healthy',
    recommendations: chains.map(({ name, blocked_steps }) =>
      blocked_steps > 0
        ? `mend or resolve ${name}: ${blocked_steps} steps wait for it`
        : `mend or resolve ${name}`,
    ),
  };
}
