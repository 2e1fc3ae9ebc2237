// The catalogue of lifecycle events: every name that Treadle publishes, what its payload holds, and which event a
// transition publishes. Names are those of the Rails engine; each fact is published once, after it is recorded.
import type { FailureCode } from './outcome.ts';
import type { EnqueueReason, State, StepEvent, TaskEvent } from './vocabulary.ts';

/** A task moved from one state to another. `from_state` is null when it was just created. */
export interface TaskTransitionEvent {
  readonly task_id: number;
  readonly from_state: State | null;
  readonly to_state: State;
}

/** A workflow step moved from one state to another. `from_state` is null when it was just created. */
export interface StepTransitionEvent {
  readonly task_id: number;
  readonly workflow_step_id: number;
  readonly step_name: string;
  readonly from_state: State | null;
  readonly to_state: State;
  /** 1 is the first attempt; absent when no attempt was made. */
  readonly attempt?: number;
}

export interface StepFailedEvent extends StepTransitionEvent {
  /** Absent when the step failed without an attempt of ours, as through a Rails console. */
  readonly code?: FailureCode;
  readonly error?: string;
  readonly error_class?: string;
}

/** An attempt inside a worker: published around the handler, before anything is recorded. */
export interface StepAttemptEvent {
  readonly task_id: number;
  readonly workflow_step_id: number;
  readonly step_name: string;
  readonly handler: string;
  readonly attempt: number;
  readonly retry_limit: number;
}

export interface StepHandledEvent extends StepAttemptEvent {
  readonly kind: 'complete' | 'error';
  /** Only of a failed attempt. */
  readonly code?: FailureCode;
  /** Seconds from before_handle to the outcome. */
  readonly execution_duration: number;
}

export interface ViableStepsEvent {
  readonly task_ids: readonly number[];
  readonly workflow_step_ids: readonly number[];
  readonly step_count: number;
}

export interface TaskFinalizedEvent {
  readonly task_id: number;
  readonly total_steps: number;
  readonly completed_steps: number;
  readonly failed_steps: number;
  readonly state: State;
}

export interface TaskReenqueueEvent {
  readonly task_id: number;
  readonly reason: EnqueueReason;
}

export interface TaskReenqueueDelayedEvent extends TaskReenqueueEvent {
  /** Seconds from now until the task is looked at again. */
  readonly delay_seconds: number;
}

export interface TaskReenqueueFailedEvent extends TaskReenqueueEvent {
  readonly error: string;
}

/** Every event with its payload. */
export interface EventPayloads {
  'task.initialize_requested': TaskTransitionEvent;
  'task.start_requested': TaskTransitionEvent;
  'task.completed': TaskTransitionEvent;
  'task.failed': TaskTransitionEvent;
  'task.cancelled': TaskTransitionEvent;
  'task.resolved_manually': TaskTransitionEvent;
  'task.retry_requested': TaskTransitionEvent;
  'step.initialize_requested': StepTransitionEvent;
  'step.execution_requested': StepTransitionEvent;
  'step.before_handle': StepAttemptEvent;
  'step.handle': StepHandledEvent;
  'step.completed': StepTransitionEvent;
  'step.failed': StepFailedEvent;
  'step.cancelled': StepTransitionEvent;
  'step.resolved_manually': StepTransitionEvent;
  'step.retry_requested': StepTransitionEvent;
  'workflow.viable_steps_discovered': ViableStepsEvent;
  'workflow.task_finalization_completed': TaskFinalizedEvent;
  'workflow.task_reenqueue_requested': TaskReenqueueEvent;
  'workflow.task_reenqueue_delayed': TaskReenqueueDelayedEvent;
  'workflow.task_reenqueue_failed': TaskReenqueueFailedEvent;
}
export type EventName = keyof EventPayloads;

/** Publishes one event. It must not throw and is not waited for. */
export type Emit = <Name extends EventName>(event: Name, payload: EventPayloads[Name]) => void;

/** What each event says, in words. */
export const EVENTS = {
  'task.initialize_requested':
    'A task was created, or went back to pending because nothing of it can run yet.',
  'task.start_requested': 'A task began to run.',
  'task.completed': 'All steps of a task are complete or resolved.',
  'task.failed': 'A task cannot go on: a step failed for good.',
  'task.cancelled': 'A task was cancelled.',
  'task.resolved_manually': 'A person resolved a failed task.',
  'task.retry_requested': 'A failed task was put back to pending.',
  'step.initialize_requested': 'A workflow step was created.',
  'step.execution_requested': 'A worker claimed a step.',
  'step.before_handle': 'A handler is about to run an attempt.',
  'step.handle': 'A handler has answered an attempt.',
  'step.completed': 'A step is complete and its results are stored.',
  'step.failed': 'An attempt of a step failed and the error is stored.',
  'step.cancelled': 'A step was cancelled.',
  'step.resolved_manually': 'A step was resolved by a person or bypassed.',
  'step.retry_requested': 'A failed step was put back to pending for its next attempt.',
  'workflow.viable_steps_discovered': 'Steps that can run now were claimed.',
  'workflow.task_finalization_completed':
    'It was decided what happens to a task that has nothing left to run now.',
  'workflow.task_reenqueue_requested': 'A task was put back into the queue, to run now.',
  'workflow.task_reenqueue_delayed': 'A task was put back into the queue, to run later.',
  'workflow.task_reenqueue_failed': 'The queue did not take a task; recovery will find it.',
} as const satisfies Record<EventName, string>;

/**
 * What a transition publishes. The event of the machine is enough to know: from whichever lawful state it starts,
 * it publishes the same (a test holds this against the table of the Rails engine, which goes by from and to).
 */
export const TRANSITION_EVENTS = {
  task: {
    start: 'task.start_requested',
    complete: 'task.completed',
    fail: 'task.failed',
    cancel: 'task.cancelled',
    resolve: 'task.resolved_manually',
    retry: 'task.retry_requested',
    wait: 'task.initialize_requested',
  },
  step: {
    start: 'step.execution_requested',
    complete: 'step.completed',
    fail: 'step.failed',
    cancel: 'step.cancelled',
    resolve: 'step.resolved_manually',
    retry: 'step.retry_requested',
  },
} as const satisfies { task: Record<TaskEvent, EventName>; step: Record<StepEvent, EventName> };
