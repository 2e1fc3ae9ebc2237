// /tasks/{task_id}/workflow_steps: list, show, change, cancel; and, beyond the Rails engine, retry and resolve.
import { z } from 'zod';
import { cancelStep, restStep, restSteps, updateStep } from '../../sql/rest.ts';
import { endpoint, JsonText, type AnyEndpoint, type Call } from './endpoint.ts';
import { notFound } from './problem.ts';
import { cancelled, count, step, stepPath, taskPath } from './shapes.ts';

const one = z.object({ step });
const LIST = '/tasks/{task_id}/workflow_steps';
const ONE = `${LIST}/{workflow_step_id}`;
type StepPath = z.infer<typeof stepPath>;

const listQuery = z.object({
  limit: count(1, 10_000).default(1000),
  offset: count(0, 1_000_000_000).default(0),
});
const change = z.object({
  workflow_step: z.object({
    retry_limit: z.int().min(0).max(1_000_000).optional(),
    inputs: z.record(z.string(), z.json()).optional(),
  }),
});
const retryWords = z.object({ reason: z.string().optional() }).optional();
const resolveWords = z
  .object({ reason: z.string().optional(), results: z.record(z.string(), z.json()).optional() })
  .optional();

async function required({ caller, db, params }: Call<StepPath, unknown, unknown>): Promise<JsonText> {
  await caller.requireTask(db, params.task_id);
  const text = await restStep(db, params.task_id, params.workflow_step_id);
  if (text === undefined) {
    throw notFound(`the task ${params.task_id} has no workflow step ${params.workflow_step_id}`);
  }
  return new JsonText(`{"step":${text}}`);
}

async function update(call: Call<StepPath, unknown, z.infer<typeof change>>): Promise<JsonText> {
  await required(call);
  await updateStep(call.db, call.params.task_id, call.params.workflow_step_id, call.body.workflow_step);
  return required(call);
}

const changing = (method: 'patch' | 'put'): AnyEndpoint =>
  endpoint({
    method,
    path: ONE,
    permission: 'tasker.workflow_step:update',
    summary: 'Change the retry limit or the inputs of a step',
    params: stepPath,
    body: change,
    answer: one,
    run: update,
  });

export const stepEndpoints: readonly AnyEndpoint[] = [
  endpoint({
    method: 'get',
    path: LIST,
    permission: 'tasker.workflow_step:index',
    summary: 'The steps of a task',
    params: taskPath,
    query: listQuery,
    answer: z.object({ steps: z.array(step) }),
    run: async ({ caller, db, params, query }) => {
      await caller.requireTask(db, params.task_id);
      return new JsonText(`{"steps":[${(await restSteps(db, params.task_id, query)).join(',')}]}`);
    },
  }),
  endpoint({
    method: 'get',
    path: ONE,
    permission: 'tasker.workflow_step:show',
    summary: 'One step',
    params: stepPath,
    answer: one,
    run: required,
  }),
  changing('patch'),
  changing('put'),
  endpoint({
    method: 'delete',
    path: ONE,
    permission: 'tasker.workflow_step:destroy',
    summary: 'Cancel a step',
    params: stepPath,
    answer: cancelled,
    run: async (call) => {
      await required(call);
      await cancelStep(call.db, call.params.task_id, call.params.workflow_step_id, call.caller.name);
      return { cancelled: true };
    },
  }),
  endpoint({
    method: 'post',
    path: `${ONE}/retry`,
    permission: 'tasker.workflow_step:retry',
    summary: 'Give a failed step another try',
    params: stepPath,
    body: retryWords,
    answer: one,
    run: async (call) => {
      await required(call);
      await call.engine.retryStep(call.params.workflow_step_id, {
        by: call.caller.name,
        reason: call.body?.reason,
      });
      return required(call);
    },
  }),
  endpoint({
    method: 'post',
    path: `${ONE}/resolve`,
    permission: 'tasker.workflow_step:retry',
    summary: 'End a failed step by hand; its children run',
    params: stepPath,
    body: resolveWords,
    answer: one,
    run: async (call) => {
      await required(call);
      const { reason, results } = call.body ?? {};
      await call.engine.resolveStep(call.params.workflow_step_id, { by: call.caller.name, reason, results });
      return required(call);
    },
  }),
];
