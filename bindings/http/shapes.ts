// What the REST API shows, as the Rails engine shows it. Instants are ISO-8601 in UTC with milliseconds.
import { z } from 'zod';
import { MISSED_POLICIES } from '../../core/schedule/schedule.ts';
import { STATES } from '../../core/vocabulary.ts';

const instant = z.iso.datetime({ offset: true });
const json = z.json();

export const step = z
  .object({
    task_id: z.int(),
    workflow_step_id: z.int(),
    name: z.string(),
    named_step_id: z.int(),
    status: z.enum(STATES),
    attempts: z.int().nullable().describe('executions that have ended'),
    skippable: z.boolean(),
    retryable: z.boolean(),
    retry_limit: z.int().nullable().describe('executions allowed in all'),
    processed: z.boolean(),
    processed_at: instant.nullable(),
    in_process: z.boolean(),
    backoff_request_seconds: z.int().nullable(),
    last_attempted_at: instant.nullable(),
    inputs: json,
    results: json,
    children_ids: z.array(z.int()),
    parents_ids: z.array(z.int()),
    siblings_ids: z.array(z.int()).describe('steps with exactly the same parents'),
  })
  .meta({ id: 'WorkflowStep' });

const annotation = z.object({
  task_id: z.int(),
  task_annotation_id: z.int(),
  annotation: json,
  annotation_type_name: z.string(),
});

export const task = z
  .object({
    task_id: z.int(),
    name: z.string(),
    namespace: z.string(),
    version: z.string(),
    full_name: z.string().describe('namespace.name@version'),
    initiator: z.string().nullable(),
    source_system: z.string().nullable(),
    context: json,
    reason: z.string().nullable(),
    bypass_steps: json,
    tags: json,
    requested_at: instant,
    complete: z.boolean(),
    status: z.enum(STATES),
    workflow_steps: z.array(step),
    task_annotations: z.array(annotation),
  })
  .meta({ id: 'Task' });

export const schedule = z
  .object({
    schedule_id: z.int(),
    name: z.string(),
    namespace: z.string(),
    task_name: z.string(),
    version: z.string().nullable().describe('null: the latest at each tick'),
    cron: z.string(),
    timezone: z.string(),
    missed: z.enum(MISSED_POLICIES),
    backfill_limit: z.int(),
    starts_at: instant.nullable(),
    ends_at: instant.nullable(),
    context: json,
    initiator: z.string().optional(),
    source_system: z.string().optional(),
    reason: z.string().optional(),
    tags: z.array(z.string()).optional(),
    bypass_steps: z.array(z.string()).optional(),
    deadline_seconds: z.number().optional(),
    state: z.enum(['active', 'paused', 'error', 'ended']),
    next_at: instant.nullable(),
    last_tick_at: instant.nullable(),
    paused_at: instant.nullable(),
    paused_by: z.string().nullable(),
    pause_reason: z.string().nullable(),
    error: z.string().nullable(),
    from_template: z.boolean().describe('it is as its template says; false: added by hand'),
    created_by: z.string(),
    created_at: instant,
  })
  .meta({ id: 'Schedule' });

export const cancelled = z.object({ cancelled: z.literal(true) });

/** Of a query: text that is a whole number. */
export const count = (least: number, most: number) => z.coerce.number<string>().int().min(least).max(most);

const id = z.coerce.number<string>().int().min(1).max(Number.MAX_SAFE_INTEGER);
export const taskPath = z.object({ task_id: id });
export const stepPath = z.object({ task_id: id, workflow_step_id: id });
