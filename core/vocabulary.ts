// The words of Treadle, each written once. SQL, the wire and every language package are held to these tuples by tests.

/** States of a task and of a workflow step (the six of the Rails engine). No transition row at all means `pending`. */
export const STATES = [
  'pending',
  'in_progress',
  'complete',
  'error',
  'cancelled',
  'resolved_manually',
] as const;
export type State = (typeof STATES)[number];

/** States in which a task has ended: nothing of it runs until somebody acts. */
export const END_STATES: ReadonlySet<State> = new Set([
  'complete',
  'error',
  'cancelled',
  'resolved_manually',
]);

/** What can happen to a workflow step. */
export const STEP_EVENTS = ['start', 'complete', 'fail', 'cancel', 'resolve', 'retry'] as const;
export type StepEvent = (typeof STEP_EVENTS)[number];

/** What can happen to a task. `wait` puts it back to `pending` while nothing of it can run yet. */
export const TASK_EVENTS = ['start', 'complete', 'fail', 'cancel', 'resolve', 'retry', 'wait'] as const;
export type TaskEvent = (typeof TASK_EVENTS)[number];

/** Why a task is put into the queue. */
export const ENQUEUE_REASONS = ['created', 'retry_due', 'changed', 'recovered'] as const;
export type EnqueueReason = (typeof ENQUEUE_REASONS)[number];

/** How the identity hash of a task is made: random, the Rails layout, or a key of the caller. */
export const IDENTITY_STRATEGIES = ['uuid', 'hash', 'key'] as const;
export type IdentityStrategy = (typeof IDENTITY_STRATEGIES)[number];

/**
 * Where a handler can run: a class of the engine's own process, an interpreter inside of that process (docs/native.md), or a
 * worker process in any language that is connected to it.
 */
export const RUNTIMES = ['typescript', 'native-python', 'native-ruby', 'worker'] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** Lengths that the Rails columns can hold, in characters. */
export const LIMITS = {
  task_name: 64,
  namespace_name: 64,
  system_name: 64,
  step_name: 128,
  description: 255,
  version: 16,
  identity_key: 128,
  initiator: 128,
  source_system: 128,
  reason: 128,
} as const;

/** Defaults of the Rails engine for what a template or a task request leaves out. */
export const DEFAULTS = {
  namespace_name: 'default',
  version: '0.1.0',
  dependent_system: 'unknown',
  retry_limit: 3,
  retryable: true,
  skippable: false,
  initiator: 'unknown',
  source_system: 'unknown',
  reason: 'unknown',
} as const;
