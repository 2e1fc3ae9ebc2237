// What a handler gets (StepContext) and what it can declare about itself, as types.
import type { Logger } from 'pino';
import type { Emit, EventName } from '../core/events.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { HandlerTypes } from '../core/template/handler-types.ts';
import type { Sequence } from './sequence.ts';
import type { InTransaction, TransactionJob } from './step-transaction.ts';
import type { ProgressListener, StepRow, StepView } from './step-view.ts';
import type { StopOrder } from './stop-order.ts';

/** What a handler class may declare, each part or none: `StepHandler<{ output: Reservation; context: Order }>`. */
export interface HandlerDeclaration extends Partial<HandlerTypes> {
  /** What `process` returns, when `processResults` makes something else of it. Without it: `output`. */
  returns?: unknown;
}

type Declared<T, Key extends PropertyKey, Otherwise> =
  T extends Readonly<Record<Key, infer Value>> ? Value : Otherwise;

export type ConfigOf<T extends HandlerDeclaration> = Declared<T, 'config', JsonObject>;
export type NeedsOf<T extends HandlerDeclaration> = Declared<T, 'needs', Record<string, Json>>;
export type TaskContextOf<T extends HandlerDeclaration> = Declared<T, 'context', JsonObject>;
/** What `process` returns. */
export type ReturnsOf<T extends HandlerDeclaration> = Declared<T, 'returns', Declared<T, 'output', unknown>>;

/** The task of the step. */
export interface TaskView<Context = JsonObject> {
  readonly task_id: number;
  readonly named_task_id?: number;
  readonly namespace_name: string;
  readonly name: string;
  readonly version: string;
  readonly context: Context;
  readonly initiator: string | null;
  readonly source_system: string | null;
  readonly reason: string | null;
  readonly tags: Json;
  readonly requested_at: Date;
}

/** Everything `process` works with. */
export interface StepContext<T extends HandlerDeclaration = HandlerDeclaration> {
  readonly task: TaskView<TaskContextOf<T>>;
  /** Results of the direct parents. */
  readonly sequence: Sequence<NeedsOf<T> & object>;
  readonly step: StepView;
  /** The template's `handler_config`, with the defaults of the class's schema. */
  readonly config: ConfigOf<T>;
  /** Aborts when the step's timeout passes, the step is cancelled or the process shuts down. */
  readonly signal: AbortSignal;
  /** Writes task_id, workflow_step_id, handler and attempt into every line. */
  readonly log: Logger;
  /** As `this.transaction` of StepHandler. */
  readonly transaction: InTransaction<ReturnsOf<T>>;
}

/** One attempt as the engine asks for it. */
export interface StepInvocation extends ProgressListener {
  /** The name by which the template called the handler; default: the class's own. */
  readonly handler?: string | undefined;
  readonly task: TaskView;
  readonly step: StepRow;
  /** Results of the direct parents by step name. */
  readonly parent_results: Readonly<Record<string, Json>>;
  readonly handler_config: JsonObject;
  /** Milliseconds that one attempt may take; undefined: as long as it likes. */
  readonly timeout_ms?: number | undefined;
  /** Bytes of JSON text that the results may have. Default: DEFAULT_MAX_RESULT_BYTES. */
  readonly max_result_bytes?: number | undefined;
  /** By which the attempt is told to stop, in time or by whoever runs it; its answer to the latter is still waited for. */
  readonly stop?: StopOrder | undefined;
  readonly log: Logger;
  readonly emit: Emit;
  /** Whether anybody listens to an event; what nobody hears is not made. Default: somebody does. */
  readonly isHeard?: ((event: EventName) => boolean) | undefined;
  /** Runs a job in a transaction that completes the step as well; absent where there is no database. */
  readonly transaction?: ((job: TransactionJob) => Promise<void>) | undefined;
}
