// What operators do through the engine: the database decides and tells every engine; here the facts become events of this
// process, and refusals become errors.
import { hostname } from 'node:os';
import { TreadleError, type ErrorCode } from '../core/errors.ts';
import { TRANSITION_EVENTS, type Emit } from '../core/events.ts';
import type { State } from '../core/vocabulary.ts';
import {
  cancelTasks,
  pause,
  resolveSteps,
  resolveTasks,
  resume,
  retrySteps,
  retryTasks,
  type CancelledTask,
  type ChangedStep,
  type Operation,
  type Operator,
  type Paused,
  type PauseSubject,
  type Resolution,
  type ResolvedTask,
  type Resumed,
  type RetriedTask,
} from '../sql/controls.ts';
import type { Database } from '../sql/database.ts';
import type { Aftermath } from '../sql/steps.ts';

/** Who does it and why: kept in the audit rows. `by` is the name of this machine when it is left out. */
export interface OperatorOptions {
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

/** What to pause: the steps of one task, of the tasks of a namespace, or of a handler. */
export type PauseTarget =
  { readonly task_id: number } | { readonly namespace_name: string } | { readonly handler: string };

export interface ResolveOptions extends OperatorOptions, Resolution {}

export interface OperationsOptions {
  readonly database: Database;
  readonly emit: Emit;
  readonly onAftermath: (aftermath: Aftermath) => void;
}

export class Operations {
  readonly #options: OperationsOptions;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  async cancelTask(taskId: number, options: OperatorOptions): Promise<CancelledTask> {
    const operation = await cancelTasks(this.#options.database, [taskId], operatorOf(options));
    const done = doneOf(operation.results);
    this.#tellSteps(operation, 'cancel');
    this.#tellTask('cancel', done);
    return done;
  }

  async resolveTask(taskId: number, options: OperatorOptions): Promise<ResolvedTask> {
    const operation = await resolveTasks(this.#options.database, [taskId], operatorOf(options));
    const done = doneOf(operation.results);
    this.#tellTask('resolve', done);
    return done;
  }

  async retryTask(taskId: number, options: OperatorOptions): Promise<RetriedTask> {
    const operation = await retryTasks(this.#options.database, [taskId], operatorOf(options));
    const done = doneOf(operation.results);
    this.#tellSteps(operation, 'retry');
    return done;
  }

  async retryStep(stepId: number, options: OperatorOptions): Promise<ChangedStep> {
    const operation = await retrySteps(this.#options.database, [stepId], operatorOf(options));
    const done = doneOf(operation.results);
    this.#tellSteps(operation, 'retry');
    return done;
  }

  async resolveStep(stepId: number, options: ResolveOptions): Promise<ChangedStep> {
    const { results, force } = options;
    const operation = await resolveSteps(this.#options.database, [stepId], {
      ...operatorOf(options),
      results,
      force,
    });
    const done = doneOf(operation.results);
    this.#tellSteps(operation, 'resolve');
    return done;
  }

  pause(target: PauseTarget, options: OperatorOptions): Promise<Paused> {
    return pause(this.#options.database, pauseSubject(target), operatorOf(options));
  }

  resume(target: PauseTarget): Promise<Resumed> {
    return resume(this.#options.database, pauseSubject(target));
  }

  #tellSteps(operation: Operation<unknown>, event: 'cancel' | 'retry' | 'resolve'): void {
    const { emit, onAftermath } = this.#options;
    for (const step of operation.steps) emit(TRANSITION_EVENTS.step[event], step);
    for (const taskId of operation.reopened) {
      this.#tellTask('retry', { task_id: taskId, from_state: 'error', to_state: 'pending' });
    }
    onAftermath(operation);
  }

  #tellTask(
    event: 'cancel' | 'retry' | 'resolve',
    { task_id, from_state, to_state }: Pick<CancelledTask, 'task_id' | 'from_state'> & { to_state: State },
  ): void {
    this.#options.emit(TRANSITION_EVENTS.task[event], { task_id, from_state, to_state });
  }
}

export function pauseSubject(target: PauseTarget): PauseSubject {
  if ('task_id' in target) return { scope: 'task', subject: String(target.task_id) };
  if ('namespace_name' in target) return { scope: 'namespace', subject: target.namespace_name };
  return { scope: 'handler', subject: target.handler };
}

function operatorOf({ by, reason }: OperatorOptions): Operator {
  return { by: by ?? hostname(), reason };
}

/** What was done; the refusal of a single item becomes an error. */
function doneOf<Result extends { readonly done: boolean }>(
  results: readonly Result[],
): Extract<Result, { readonly done: true }> {
  const [result] = results;
  if (result && isDone(result)) return result;
  const { code, why } = (result ?? {}) as { code?: ErrorCode; why?: string };
  throw new TreadleError(code ?? 'database_error', why ?? 'the operation has no result');
}

function isDone<Result extends { readonly done: boolean }>(
  result: Result,
): result is Extract<Result, { readonly done: true }> {
  return result.done;
}
