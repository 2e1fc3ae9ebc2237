// The work that benchmarks give to engines: tasks made in bulk, the time and the CPU in which they run to their end, and the
// audit trail that must be complete afterwards. A run without it is an error, not a figure.
import { Engine } from '../engine/engine.ts';
import type { EngineOptions } from '../engine/options.ts';
import type { TaskRequest } from '../engine/task-requests.ts';
import type { Database, Executor } from '../sql/database.ts';
import { cpuMilliseconds, postgresCpu } from './cpu.ts';
import { repeated } from './measure.ts';
import type { Shape } from './shapes.ts';

const STEPS_PER_CALL = 10_000;
const TASKS_PER_CALL = 500;

/** Creates so many tasks of a shape, some thousand steps a call. */
export async function createTasks(
  engine: Engine,
  { template, steps }: Pick<Shape, 'template' | 'steps'>,
  tasks: number,
  more: Partial<TaskRequest> = {},
): Promise<void> {
  const { namespace_name, name } = template;
  const perCall = Math.min(TASKS_PER_CALL, Math.ceil(STEPS_PER_CALL / steps));
  await repeated(Math.ceil(tasks / perCall), async (page) => {
    const count = Math.min(perCall, tasks - page * perCall);
    await engine.createTasks(
      Array.from({ length: count }, (_, place) => ({ namespace_name, name, context: { place }, ...more })),
    );
  });
}

export interface Run {
  /** From the start of the engine to the last completion. */
  readonly run_ms: number;
  /** Of these, until the first steps were claimed: connections, registration, the start of the queue. */
  readonly startup_ms: number;
  readonly node_cpu_ms: number;
  /** Of the whole server; undefined where the system does not tell. */
  readonly postgres_cpu_ms: number | undefined;
}

/** Starts an engine, and stops it when so many tasks are complete. */
export async function runToEnd(options: EngineOptions & { database: Database }, tasks: number): Promise<Run> {
  const engine = new Engine(options);
  const cpuBefore = await cpuNow(options.database);
  const startedAt = performance.now();
  let claimedAt: number | undefined;
  engine.on('workflow.viable_steps_discovered', () => (claimedAt ??= performance.now()));
  const ended = allCompleted(engine, tasks);
  try {
    await Promise.all([engine.start(), ended]);
    const endedAt = performance.now();
    return {
      run_ms: endedAt - startedAt,
      startup_ms: (claimedAt ?? startedAt) - startedAt,
      ...cpuBetween(cpuBefore, await cpuNow(options.database)),
    };
  } finally {
    await engine.stop();
  }
}

/** Resolves when so many tasks have completed, from now on; rejects when one fails. */
export function allCompleted(engine: Engine, tasks: number): Promise<void> {
  let left = tasks;
  return new Promise((resolve, reject) => {
    engine.on('task.completed', () => {
      left -= 1;
      if (left === 0) resolve();
    });
    engine.on('task.failed', ({ task_id }) => reject(new Error(`task ${task_id} failed`)));
  });
}

export interface Cpu {
  readonly node_cpu_ms: number;
  readonly postgres_cpu_ms: number | undefined;
}

export async function cpuNow(database: Executor): Promise<Cpu> {
  return { node_cpu_ms: cpuMilliseconds(), postgres_cpu_ms: await postgresCpu(database) };
}

export function cpuBetween(before: Cpu, after: Cpu): Cpu {
  const [from, to] = [before.postgres_cpu_ms, after.postgres_cpu_ms];
  return {
    node_cpu_ms: after.node_cpu_ms - before.node_cpu_ms,
    postgres_cpu_ms: from === undefined || to === undefined ? undefined : to - from,
  };
}

/**
 * Of the tasks of this shape: each step and each task went pending -> in_progress -> complete at the first attempt, and
 * says so. Returns how many rows say it.
 */
export async function verifyAuditTrail(
  db: Executor,
  { template, steps: stepsPerTask }: Pick<Shape, 'template' | 'steps'>,
  tasks: number,
): Promise<number> {
  const [found] = await db.query<{ steps: number; tasks: number; trail: number; flags: number }>(
    `with work as materialized (
       select t.task_id, t.complete
       from tasker_tasks t
       join tasker_named_tasks n on n.named_task_id = t.named_task_id
       where n.name = $1
     ),
     steps as materialized (
       select s.workflow_step_id, s.processed and s.attempts = 1 as fine
       from tasker_workflow_steps s
       join work w on w.task_id = s.task_id
     ),
     trail as (
       select c.most_recent, c.to_state
       from tasker_workflow_step_transitions c
       join steps s on s.workflow_step_id = c.workflow_step_id
       union all
       select c.most_recent, c.to_state
       from tasker_task_transitions c
       join work w on w.task_id = c.task_id
     )
     select (select count(*) from steps where fine) as steps,
       (select count(*) from work where complete) as tasks,
       (select count(*) from trail) as trail,
       (select count(*) from trail where most_recent and to_state = 'complete') as flags`,
    [template.name],
  );
  const steps = tasks * stepsPerTask;
  const expected = { steps, tasks, trail: 2 * (steps + tasks), flags: steps + tasks };
  if (JSON.stringify(found) === JSON.stringify(expected)) return expected.trail;
  throw new Error(`the audit trail must be ${JSON.stringify(expected)}, but is ${JSON.stringify(found)}`);
}
