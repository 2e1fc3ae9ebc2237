// One client that watches one task: what it has been told, and what it is to be told next. It is told states, not events:
// a client that reads slowly misses what has passed meanwhile and gets what is.
import type { ServerWritableStream, StatusObject } from '@grpc/grpc-js';
import { END_STATES } from '../../../core/vocabulary.ts';
import type { WatchTaskRequest, WatchTaskResponse } from '../../../proto/gen/treadle/v1/client.ts';
import type { StepDetail, TaskDetail, TaskStamp } from '../../../sql/details.ts';
import { stepMessage, taskMessage } from './messages.ts';

export type WatchCall = ServerWritableStream<WatchTaskRequest, WatchTaskResponse>;

/** A task with all its steps, as they were read. */
export interface Snapshot {
  readonly task: TaskDetail;
  readonly steps: readonly StepDetail[];
}

/** Bytes that may lie unread, roughly: what goes beyond is looked up again once they are gone. */
const MOST_UNSENT_BYTES = 1024 * 1024;
/** Roughly what a message has beside its JSON. */
const BARE_BYTES = 200;

/** Stamps only rise, so that what was read late never undoes what is known. */
type Stamped = Pick<StepDetail, 'workflow_step_id' | 'stamp'>;

export class Watcher {
  readonly taskId: number;
  readonly #call: WatchCall;
  readonly #onCaughtUp: () => void;
  readonly #steps = new Map<number, number>();
  #unsentBytes = 0;
  #isBehind = false;
  #stepsStamp = 0;
  #taskStamp = 0;
  #ended = false;

  /** Tells the client the task as it is. `onCaughtUp`: it was behind, and there may be more to tell it now. */
  constructor(call: WatchCall, { task, steps }: Snapshot, onCaughtUp: () => void) {
    this.taskId = task.task_id;
    this.#call = call;
    this.#onCaughtUp = onCaughtUp;
    for (const step of steps) this.#note(step);
    this.#tellTask({ task, steps });
  }

  /** Nothing more is to be said. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The client does not read as fast as things happen: it is told nothing more until it has caught up. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  hasNewsOfTask({ stamp }: Pick<TaskStamp, 'stamp'>): boolean {
    return stamp > this.#taskStamp;
  }

  hasNewsOfSteps({ steps_stamp }: Pick<TaskStamp, 'steps_stamp'>): boolean {
    return steps_stamp > this.#stepsStamp;
  }

  isNews({ workflow_step_id, stamp }: Stamped): boolean {
    return stamp > (this.#steps.get(workflow_step_id) ?? 0);
  }

  /** The task has changed: its steps first, then the whole of it, which may be the last word. */
  tellAll(snapshot: Snapshot): void {
    this.tellSteps(snapshot.steps);
    if (!this.#isBehind && this.hasNewsOfTask(snapshot.task)) this.#tellTask(snapshot);
  }

  /** The stream ends with this status. */
  fail(status: StatusObject): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#call.emit('error', status);
  }

  tellSteps(steps: readonly StepDetail[]): void {
    for (const step of steps) {
      if (this.#isBehind) return;
      if (!this.isNews(step)) continue;
      this.#note(step);
      this.#write({ message: { $case: 'step', value: stepMessage(step) } }, sizeOf(step));
    }
  }

  /** Progress that comes while the client is behind is old news by the time it would read it. */
  tellProgress(value: Extract<WatchTaskResponse['message'], { $case: 'progress' }>['value']): void {
    if (!this.#isBehind) this.#write({ message: { $case: 'progress', value } }, value.message.length);
  }

  #tellTask({ task, steps }: Snapshot): void {
    this.#taskStamp = task.stamp;
    const bytes = steps.reduce((sum, step) => sum + sizeOf(step), task.context_json?.length ?? 0);
    this.#write({ message: { $case: 'task', value: taskMessage(task, steps) } }, bytes);
    if (!END_STATES.has(task.state)) return;
    this.#ended = true;
    this.#call.end();
  }

  #note({ workflow_step_id, stamp }: Stamped): void {
    this.#stepsStamp += stamp - (this.#steps.get(workflow_step_id) ?? 0);
    this.#steps.set(workflow_step_id, stamp);
  }

  #write(message: WatchTaskResponse, jsonBytes: number): void {
    if (this.#ended) return;
    const bytes = jsonBytes + BARE_BYTES;
    this.#unsentBytes += bytes;
    if (this.#unsentBytes > MOST_UNSENT_BYTES) this.#isBehind = true;
    this.#call.write(message, () => this.#sent(bytes)); // called when the connection has taken it
  }

  #sent(bytes: number): void {
    this.#unsentBytes -= bytes;
    if (!this.#isBehind || this.#unsentBytes > 0) return;
    this.#isBehind = false;
    this.#onCaughtUp();
  }
}

function sizeOf({ results_json }: StepDetail): number {
  return (results_json?.length ?? 0) + BARE_BYTES;
}
