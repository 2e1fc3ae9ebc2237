// Runs a handler without an engine or a database, through the same lifecycle as an engine: for tests of handlers.
import { pino, type Logger } from 'pino';
import type { Json, JsonObject } from '../core/json.ts';
import type { Outcome } from '../core/outcome.ts';
import { HandlerRegistry, type StepHandlerClass } from './registry.ts';
import type { TaskView } from './step-context.ts';
import { runStep } from './step-handler.ts';
import type { AttemptProgress } from './step-view.ts';
import { asResults } from './results.ts';

export interface RunHandlerOptions {
  /** Context of the task. */
  readonly context?: unknown;
  /** Results of direct parents, by step name. */
  readonly parents?: Readonly<Record<string, unknown>>;
  /** `handler_config` of the template. */
  readonly config?: unknown;
  /** What an earlier attempt left in `step.results`. */
  readonly results?: unknown;
  /** 1, the default, is the first attempt. */
  readonly attempt?: number;
  /** Default 3. */
  readonly retry_limit?: number;
  readonly timeout_seconds?: number;
  readonly step_name?: string;
  /** Other facts of the task, as `tags`. */
  readonly task?: Partial<Omit<TaskView, 'context'>>;
  readonly log?: Logger;
  /** Hears what the handler says with `step.progress`. */
  readonly on_progress?: (progress: AttemptProgress) => void;
}

/**
 * What one attempt ends in. Never rejects for what the handler does. `this.transaction` is refused: it needs a database.
 * @throws TreadleError `invalid_argument` when an engine would not take the class
 */
export async function runHandler(
  handler: StepHandlerClass,
  options: RunHandlerOptions = {},
): Promise<Outcome> {
  const { attempt = 1, retry_limit = 3, step_name = 'step', timeout_seconds, log } = options;
  const name = handler.handlerName ?? handler.name;
  const context = stored(options.context ?? {}) as JsonObject;
  return runStep(new HandlerRegistry([handler]).get(name), {
    handler: name,
    task: { ...TASK, ...options.task, context },
    step: {
      workflow_step_id: 1,
      name: step_name,
      attempt,
      retry_limit,
      inputs: context,
      results: stored(options.results ?? {}),
    },
    parent_results: stored(options.parents ?? {}) as Record<string, Json>,
    handler_config: stored(options.config ?? {}) as JsonObject,
    timeout_ms: timeout_seconds === undefined ? undefined : timeout_seconds * 1000,
    log: log ?? pino({ level: 'silent' }),
    emit: () => {},
    progress: (progress) => options.on_progress?.(progress),
  });
}

/** As Postgres would give it back. */
function stored(value: unknown): Json {
  return JSON.parse(asResults(value)) as Json;
}

const TASK: Omit<TaskView, 'context'> = {
  task_id: 1,
  namespace_name: 'default',
  name: 'test',
  version: '0.1.0',
  initiator: 'test',
  source_system: 'test',
  reason: 'test',
  tags: [],
  requested_at: new Date('2026-01-01T00:00:00Z'),
};
