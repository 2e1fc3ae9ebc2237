// From the messages of client.proto to what the engine takes.
import { z } from 'zod';
import { deadlineSeconds } from '../../../core/template/deadline.ts';
import { DEFAULTS, LIMITS } from '../../../core/vocabulary.ts';
import type { OperatorOptions, PauseTarget } from '../../../engine/operations.ts';
import type { TaskRequest } from '../../../engine/task-requests.ts';
import * as fields from './request-fields.ts';
import { traceTags } from './trace-tags.ts';

export const MOST_TASKS = 10_000;
const MOST_PER_PAGE = 1000;
const DEFAULT_PER_PAGE = 100;

const task = z.object(
  {
    name: fields.requiredText(LIMITS.task_name),
    namespace_name: fields.optionalText(LIMITS.namespace_name),
    version: fields.optionalText(LIMITS.version),
    context_json: fields.jsonText,
    initiator: fields.optionalText(LIMITS.initiator),
    source_system: fields.optionalText(LIMITS.source_system),
    reason: fields.optionalText(LIMITS.reason),
    tags: z.array(
      z
        .string()
        .refine((tag) => tag !== '', 'text')
        .pipe(fields.optionalText()),
    ),
    bypass_steps: z.array(fields.requiredText(LIMITS.step_name)),
    run_at: fields.instant,
    deadline_seconds: deadlineSeconds.optional(),
    identity_key: fields.optionalText(LIMITS.identity_key),
    trace_context: z.record(z.string(), z.string()),
  },
  'a task',
);

const createTasks = z.object({ tasks: z.array(task).max(MOST_TASKS, `at most ${MOST_TASKS} tasks`) });

/** The tasks that a CreateTasks asks for. */
export function taskRequests(request: unknown): readonly TaskRequest[] {
  return fields.parsed(createTasks, request).tasks.map(toTaskRequest);
}

/** The task that a CreateTask asks for. */
export function taskRequest(request: unknown): TaskRequest {
  return toTaskRequest(fields.parsed(z.object({ task }), request).task);
}

function toTaskRequest({ context_json, trace_context, tags, ...rest }: z.output<typeof task>): TaskRequest {
  const labels = tags.filter((tag) => tag !== undefined);
  return { ...rest, context: context_json, tags: [...labels, ...traceTags(trace_context)] };
}

const taskOnly = z.object({ task_id: fields.id });

export function taskIdOf(request: unknown): number {
  return fields.parsed(taskOnly, request).task_id;
}

const stepOnly = z.object({ workflow_step_id: fields.id });

export function stepIdOf(request: unknown): number {
  return fields.parsed(stepOnly, request).workflow_step_id;
}

const operated = z.object({
  operator: z.object({ by: fields.optionalText(255), reason: fields.optionalText(2000) }).optional(),
});

/** Who acts; `name` when the request does not say it. */
export function operatorOf(request: unknown, name: string): OperatorOptions {
  const { operator } = fields.parsed(operated, request);
  return { by: operator?.by ?? name, reason: operator?.reason };
}

const target = z.discriminatedUnion(
  '$case',
  [
    z.object({ $case: z.literal('task_id'), value: fields.id }),
    z.object({ $case: z.literal('namespace_name'), value: fields.requiredText(LIMITS.namespace_name) }),
    z.object({ $case: z.literal('handler'), value: fields.requiredText(255) }),
  ],
  'a task_id, a namespace_name or a handler',
);

/** What a Pause or a Resume is about. */
export function pauseTargetOf(request: unknown): PauseTarget {
  const given = fields.parsed(z.object({ target: z.object({ target }, 'a target') }), request).target.target;
  switch (given.$case) {
    case 'task_id':
      return { task_id: given.value };
    case 'namespace_name':
      return { namespace_name: given.value };
    case 'handler':
      return { handler: given.value };
  }
}

const resolution = z.object({ results_json: fields.jsonText, force: z.boolean() });

export function resolutionOf(request: unknown): {
  results: z.output<typeof fields.jsonText>;
  force: boolean;
} {
  const { results_json, force } = fields.parsed(resolution, request);
  return { results: results_json, force };
}

const pageSize = `a number from 1 to ${MOST_PER_PAGE}, or 0 for ${DEFAULT_PER_PAGE}`;
const list = z.object({
  namespace_name: fields.optionalText(LIMITS.namespace_name),
  name: fields.optionalText(LIMITS.task_name),
  state: fields.state,
  page_size: z
    .number()
    .max(MOST_PER_PAGE, pageSize)
    .transform((size) => (size === 0 ? DEFAULT_PER_PAGE : size)),
  page_token: z.string(),
});
export type ListRequest = z.output<typeof list>;

export function listRequestOf(request: unknown): ListRequest {
  return fields.parsed(list, request);
}

const template = z.object({
  name: fields.requiredText(LIMITS.task_name),
  namespace_name: fields
    .optionalText(LIMITS.namespace_name)
    .transform((name) => name ?? DEFAULTS.namespace_name),
  version: fields.optionalText(LIMITS.version),
});

export function templateOf(request: unknown): z.output<typeof template> {
  return fields.parsed(template, request);
}
