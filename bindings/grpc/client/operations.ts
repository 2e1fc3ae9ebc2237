// What operators do through a client: the same operations as engine.cancelTask and its siblings, within the namespaces of
// the token.
import type { PauseTarget } from '../../../engine/operations.ts';
import type {
  CancelTaskRequest,
  CancelTaskResponse,
  PauseRequest,
  PauseResponse,
  ResolveStepRequest,
  ResolveStepResponse,
  ResolveTaskRequest,
  ResolveTaskResponse,
  ResumeRequest,
  ResumeResponse,
  RetryStepRequest,
  RetryStepResponse,
  RetryTaskRequest,
  RetryTaskResponse,
} from '../../../proto/gen/treadle/v1/client.ts';
import type { ClientCall } from './call.ts';
import { wireState } from './messages.ts';
import { operatorOf, pauseTargetOf, resolutionOf, stepIdOf, taskIdOf } from './requests.ts';
import type { ClientScope } from './scope.ts';

export async function cancelTask(call: ClientCall<CancelTaskRequest>): Promise<CancelTaskResponse> {
  const taskId = await taskOf(call);
  const { cancelled_steps, running_steps } = await call.engine.cancelTask(taskId, byWhom(call));
  return { cancelled_steps, running_steps };
}

export async function retryTask(call: ClientCall<RetryTaskRequest>): Promise<RetryTaskResponse> {
  const taskId = await taskOf(call);
  const { retried_steps, task_state } = await call.engine.retryTask(taskId, byWhom(call));
  return { retried_steps, state: wireState(task_state) };
}

export async function resolveTask(call: ClientCall<ResolveTaskRequest>): Promise<ResolveTaskResponse> {
  const taskId = await taskOf(call);
  await call.engine.resolveTask(taskId, byWhom(call));
  return {};
}

export async function retryStep(call: ClientCall<RetryStepRequest>): Promise<RetryStepResponse> {
  const stepId = await stepOf(call);
  const { to_state, task_state } = await call.engine.retryStep(stepId, byWhom(call));
  return { state: wireState(to_state), task_state: wireState(task_state) };
}

export async function resolveStep(call: ClientCall<ResolveStepRequest>): Promise<ResolveStepResponse> {
  const resolution = resolutionOf(call.request);
  const stepId = await stepOf(call);
  const { task_state } = await call.engine.resolveStep(stepId, { ...byWhom(call), ...resolution });
  return { task_state: wireState(task_state) };
}

export async function pause(call: ClientCall<PauseRequest>): Promise<PauseResponse> {
  const { done, steps } = await call.engine.pause(await targetOf(call), byWhom(call));
  return { done, steps };
}

export async function resume(call: ClientCall<ResumeRequest>): Promise<ResumeResponse> {
  const { done, steps, still_held } = await call.engine.resume(await targetOf(call));
  return { done, steps, still_held };
}

async function taskOf({ request, scope }: ClientCall<unknown>): Promise<number> {
  const taskId = taskIdOf(request);
  await scope.requireTask(taskId);
  return taskId;
}

async function stepOf({ request, scope }: ClientCall<unknown>): Promise<number> {
  const stepId = stepIdOf(request);
  await scope.requireStep(stepId);
  return stepId;
}

async function targetOf({ request, scope }: ClientCall<unknown>): Promise<PauseTarget> {
  const target = pauseTargetOf(request);
  await requireTarget(scope, target);
  return target;
}

async function requireTarget(scope: ClientScope, target: PauseTarget): Promise<void> {
  if ('task_id' in target) await scope.requireTask(target.task_id);
  else if ('namespace_name' in target) scope.requireNamespace(target.namespace_name);
  else scope.requireAll(`the handler ${target.handler} may serve any namespace`);
}

function byWhom({ request, scope }: ClientCall<unknown>) {
  return operatorOf(request, scope.name);
}
