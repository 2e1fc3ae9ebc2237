// /tasks: make, list, show, change, cancel; and, beyond the Rails engine, retry and resolve.
import { z } from 'zod';
import { STATES } from '../../core/vocabulary.ts';
import { countRestTasks, restTask, restTasks, TASK_ORDERS, updateTask } from '../../sql/rest.ts';
import { dependencyAnalysis } from './dependency-analysis.ts';
import { endpoint, JsonText, type AnyEndpoint, type Call } from './endpoint.ts';
import { notFound } from './problem.ts';
import { cancelled, count, task, taskPath } from './shapes.ts';

const one = z.object({ task });
const DEFAULT_NAMESPACE = 'default';

const listQuery = z.object({
  limit: count(1, 1000).default(20),
  offset: count(0, 1_000_000_000).default(0),
  sort_by: z.enum(Object.keys(TASK_ORDERS) as [keyof typeof TASK_ORDERS]).default('task_id'),
  sort_order: z.enum(['asc', 'desc']).default('asc'),
  namespace: z.string().optional(),
  name: z.string().optional(),
  version: z.string().optional(),
  status: z.enum(STATES).optional(),
  since: z.iso.datetime({ offset: true }).optional().describe('requested at or after this instant'),
});

const newTask = z.object({
  task: z.object(
    {
      name: z.string().min(1),
      namespace: z.string().min(1).optional(),
      version: z.string().min(1).optional(),
      initiator: z.string().optional(),
      source_system: z.string().optional(),
      reason: z.string().optional(),
      tags: z.array(z.string()).optional(),
      context: z.record(z.string(), z.json()).optional(),
      bypass_steps: z.array(z.string()).optional(),
      run_at: z.iso.datetime({ offset: true }).optional().describe('earliest start'),
      identity_key: z.string().min(1).optional().describe('a second task with the same key is the first one'),
    },
    'invalid parameters: requires task name',
  ),
});

const change = z.object({
  task: z.object({ reason: z.string().max(128).optional(), tags: z.array(z.string()).optional() }),
});
const words = z.object({ reason: z.string().optional() }).optional();
const showQuery = z.object({ include_dependencies: z.stringbool().default(false) });

async function shown({ db }: Pick<Call<never, never, never>, 'db'>, taskId: number): Promise<string> {
  const text = await restTask(db, taskId);
  if (text === undefined) throw notFound(`there is no task ${taskId}`);
  return text;
}

/** The answer that is one task. */
export async function shownTask(
  call: Pick<Call<never, never, never>, 'db'>,
  taskId: number,
): Promise<JsonText> {
  return new JsonText(`{"task":${await shown(call, taskId)}}`);
}

async function list(call: Call<unknown, z.infer<typeof listQuery>, unknown>): Promise<JsonText> {
  const { namespace, name, version, status, since, limit, offset, sort_by, sort_order } = call.query;
  const namespaces = await call.caller.namespaces(call.db, namespace);
  const page = { namespaces, name, version, status, since, limit, offset, sort_by, sort_order };
  const [tasks, total] = await Promise.all([restTasks(call.db, page), countRestTasks(call.db, page)]);
  const pagination = {
    total_count: total,
    limit,
    offset,
    next_offset: offset + limit < total ? offset + limit : null,
  };
  return new JsonText(`{"tasks":[${tasks.join(',')}],"pagination":${JSON.stringify(pagination)}}`);
}

async function create(call: Call<unknown, unknown, z.infer<typeof newTask>>): Promise<JsonText> {
  const { namespace = DEFAULT_NAMESPACE, context = {}, run_at, ...rest } = call.body.task;
  call.caller.requireNamespace(namespace);
  const request = { ...rest, namespace_name: namespace, context };
  const { task_id } = await call.engine.createTask(
    run_at === undefined ? request : { ...request, run_at: new Date(run_at) },
  );
  return shownTask(call, task_id);
}

async function show({
  params,
  query,
  ...call
}: Call<z.infer<typeof taskPath>, z.infer<typeof showQuery>, unknown>): Promise<JsonText> {
  await call.caller.requireTask(call.db, params.task_id);
  const text = await shown(call, params.task_id);
  if (!query.include_dependencies) return new JsonText(`{"task":${text}}`);
  const analysis = dependencyAnalysis(task.parse(JSON.parse(text)).workflow_steps, new Date());
  return new JsonText(`{"task":${text.slice(0, -1)},"dependency_analysis":${JSON.stringify(analysis)}}}`);
}

async function update({
  params,
  body,
  ...call
}: Call<z.infer<typeof taskPath>, unknown, z.infer<typeof change>>): Promise<JsonText> {
  await call.caller.requireTask(call.db, params.task_id);
  await updateTask(call.db, params.task_id, body.task);
  return shownTask(call, params.task_id);
}

type Operation = 'cancelTask' | 'retryTask' | 'resolveTask';

/** What an operator does to a task, in the name of the caller. */
async function operate(
  operation: Operation,
  { params, body, caller, db, engine }: Call<z.infer<typeof taskPath>, unknown, z.infer<typeof words>>,
): Promise<void> {
  await caller.requireTask(db, params.task_id);
  await engine[operation](params.task_id, { by: caller.name, reason: body?.reason });
}

const changing = (method: 'patch' | 'put'): AnyEndpoint =>
  endpoint({
    method,
    path: '/tasks/{task_id}',
    permission: 'tasker.task:update',
    summary: 'Change the reason or the tags of a task',
    params: taskPath,
    body: change,
    answer: one,
    run: update,
  });

const operating = (verb: 'retry' | 'resolve', operation: Operation, summary: string): AnyEndpoint =>
  endpoint({
    method: 'post',
    path: `/tasks/{task_id}/${verb}`,
    permission: 'tasker.task:retry',
    summary,
    params: taskPath,
    body: words,
    answer: one,
    run: async (call: Call<z.infer<typeof taskPath>, unknown, z.infer<typeof words>>) => {
      await operate(operation, call);
      return shownTask(call, call.params.task_id);
    },
  });

export const taskEndpoints: readonly AnyEndpoint[] = [
  endpoint({
    method: 'get',
    path: '/tasks',
    permission: 'tasker.task:index',
    summary: 'Tasks, by what the query says',
    query: listQuery,
    answer: z.object({
      tasks: z.array(task),
      pagination: z.object({
        total_count: z.int(),
        limit: z.int(),
        offset: z.int(),
        next_offset: z.int().nullable(),
      }),
    }),
    run: list,
  }),
  endpoint({
    method: 'post',
    path: '/tasks',
    permission: 'tasker.task:create',
    summary: 'Make a task of a registered template',
    body: newTask,
    answer: one,
    status: 201,
    run: create,
  }),
  endpoint({
    method: 'get',
    path: '/tasks/{task_id}',
    permission: 'tasker.task:show',
    summary: 'One task with its steps; include_dependencies=true analyses how they hang together',
    params: taskPath,
    query: showQuery,
    answer: z.object({
      task: task.extend({ dependency_analysis: z.record(z.string(), z.json()).optional() }),
    }),
    run: show,
  }),
  changing('patch'),
  changing('put'),
  endpoint({
    method: 'delete',
    path: '/tasks/{task_id}',
    permission: 'tasker.task:destroy',
    summary: 'Cancel a task',
    params: taskPath,
    body: words,
    answer: cancelled,
    run: async (call: Call<z.infer<typeof taskPath>, unknown, z.infer<typeof words>>) => {
      await operate('cancelTask', call);
      return { cancelled: true };
    },
  }),
  operating('retry', 'retryTask', 'Give a failed task another try'),
  operating('resolve', 'resolveTask', 'End a failed task by hand'),
];
