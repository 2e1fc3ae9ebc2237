// Making tasks, reading them, running them; reading templates.
import { DEFAULTS } from '../../../core/vocabulary.ts';
import type { Engine } from '../../../engine/engine.ts';
import type { TaskRequest } from '../../../engine/task-requests.ts';
import type {
  CreateTaskRequest,
  CreateTaskResponse,
  CreateTasksRequest,
  CreateTasksResponse,
  GetTaskRequest,
  GetTaskResponse,
  GetTemplateRequest,
  GetTemplateResponse,
  ListTasksRequest,
  ListTasksResponse,
  ListTemplatesRequest,
  ListTemplatesResponse,
  RunTaskRequest,
  RunTaskResponse,
} from '../../../proto/gen/treadle/v1/client.ts';
import { listTemplateDetails, templateDetail, unknownTemplate } from '../../../sql/details.ts';
import { taskState } from '../../../sql/tasks.ts';
import { unavailable } from '../refusal.ts';
import type { ClientCall } from './call.ts';
import { taskMessage, templateMessage, wireState } from './messages.ts';
import { listPage } from './pages.ts';
import * as requests from './requests.ts';
import { unknownTask, type ClientScope } from './scope.ts';
import { readTasks } from './watch-news.ts';

export async function createTask(call: ClientCall<CreateTaskRequest>): Promise<CreateTaskResponse> {
  const task = requests.taskRequest(call.request);
  requireNamespaces(call.scope, [task]);
  return { task: await call.engine.createTask(task) };
}

export async function createTasks(call: ClientCall<CreateTasksRequest>): Promise<CreateTasksResponse> {
  const tasks = requests.taskRequests(call.request);
  requireNamespaces(call.scope, tasks);
  return { tasks: await call.engine.createTasks(tasks) };
}

function requireNamespaces(scope: ClientScope, tasks: readonly TaskRequest[]): void {
  const wanted = new Set(tasks.map(({ namespace_name = DEFAULTS.namespace_name }) => namespace_name));
  for (const namespace of wanted) scope.requireNamespace(namespace);
}

export async function getTask({ db, request, scope }: ClientCall<GetTaskRequest>): Promise<GetTaskResponse> {
  const taskId = requests.taskIdOf(request);
  await scope.requireTask(taskId);
  const [snapshot] = await readTasks(db, [taskId]);
  if (!snapshot) throw unknownTask(taskId); // removed since
  return { task: taskMessage(snapshot.task, snapshot.steps) };
}

export async function listTasks(call: ClientCall<ListTasksRequest>): Promise<ListTasksResponse> {
  return listPage(call.db, call.scope, requests.listRequestOf(call.request));
}

/** A task that has ended, or waits for its time, stays as it is. */
export async function runTask(call: ClientCall<RunTaskRequest>): Promise<RunTaskResponse> {
  const taskId = requests.taskIdOf(call.request);
  await call.scope.requireTask(taskId);
  await startAt(call.engine, taskId);
  return { state: wireState(await taskState(call.db, taskId)) };
}

/** Behind a server that outlives its engine there is nobody to start it: a worker of a queue then asks the next of its engines. */
async function startAt(engine: Engine, taskId: number): Promise<void> {
  try {
    await engine.runTask(taskId);
  } catch (error) {
    if (engine.stats().worker_id !== null) throw error;
    throw unavailable('this engine does not run: ask another one');
  }
}

export async function listTemplates({
  db,
  scope,
}: ClientCall<ListTemplatesRequest>): Promise<ListTemplatesResponse> {
  const templates = await listTemplateDetails(db, await scope.namespaces());
  return { templates: templates.map(templateMessage) };
}

/** Of a namespace that the caller may not use there is no template. */
export async function getTemplate(call: ClientCall<GetTemplateRequest>): Promise<GetTemplateResponse> {
  const wanted = requests.templateOf(call.request);
  if (!call.scope.sees(wanted.namespace_name)) throw unknownTemplate(wanted);
  return { template: templateMessage(await templateDetail(call.db, wanted)) };
}
