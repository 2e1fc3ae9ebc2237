// What an embedding program holds: one engine process on one database. Start it, give it tasks, stop it.
import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { pino, type Logger } from 'pino';
import { TreadleError } from '../core/errors.ts';
import type { Emit, EventName, EventPayloads } from '../core/events.ts';
import type { TaskDefinition } from '../core/template/builder.ts';
import type { TaskTemplate } from '../core/template/template.ts';
import { END_STATES, type State } from '../core/vocabulary.ts';
import { HttpHandler } from '../handlers/http.ts';
import { HandlerRegistry, type HandlerSource, type StepHandlerClass } from '../handlers/registry.ts';
import { Database } from '../sql/database.ts';
import { claimSteps, type Aftermath } from '../sql/steps.ts';
import { notifyEngines, startTasks, taskState, wakeUnfinishedTasks, type CreatedTask } from '../sql/tasks.ts';
import { Batcher } from './batcher.ts';
import { ClaimLoop } from './claim-loop.ts';
import { Dispatcher } from './dispatcher.ts';
import { Finalizer } from './finalizer.ts';
import { Listener } from './listener.ts';
import { Membership } from './membership.ts';
import type { QueueAdapter } from './queue/adapter.ts';
import { GraphileWorkerQueue } from './queue/graphile-worker.ts';
import { Recorder } from './recorder.ts';
import { Recovery } from './recovery.ts';
import { TaskCreator, type CreateOptions, type TaskRequest } from './task-requests.ts';
import { Templates, type RegisteredTemplate } from './templates.ts';

const TASKS_AT_ONCE = 500;

export interface EngineOptions {
  /** The database, or the URL of one. It must be migrated. */
  readonly database: Database | string;
  /** Classes under their own names, or a record of name to class. */
  readonly handlers?: HandlerSource;
  /** Templates to register at start; a typed definition brings its handlers along. */
  readonly templates?: readonly (TaskTemplate | TaskDefinition)[];
  /** How tasks come back to us. Default: graphile-worker in the same database. */
  readonly queue?: QueueAdapter;
  /** Steps that may run at once in this process. Default 100. */
  readonly concurrency?: number;
  /** Which environment of the templates counts. Default `development`. */
  readonly environment?: string;
  /** Seconds without a heartbeat after which others take this process's steps back. Default 15. */
  readonly leaseSeconds?: number;
  /** How often to look for steps when no notification came, in ms. Default 1000. */
  readonly pollIntervalMs?: number;
  readonly log?: Logger;
}

export interface StopOptions {
  /** Seconds that running handlers may take to end before their signal aborts. Default 30. */
  readonly graceSeconds?: number;
}

export class Engine {
  readonly #database: Database;
  readonly #ownsDatabase: boolean;
  readonly #definitions: readonly TaskTemplate[];
  readonly #queue: QueueAdapter;
  readonly #registry: HandlerRegistry;
  readonly #templates: Templates;
  readonly #tasks: TaskCreator;
  readonly #membership: Membership;
  readonly #recorder: Recorder;
  readonly #dispatcher: Dispatcher;
  readonly #finalizer: Finalizer;
  readonly #starter: Batcher<number, void>;
  readonly #claims: ClaimLoop;
  readonly #recovery: Recovery;
  readonly #listener: Listener;
  readonly #events = new EventEmitter();
  readonly #log: Logger;
  #started = false;
  #stopping: Promise<void> | undefined;

  constructor(options: EngineOptions) {
    const log = options.log ?? pino({ level: 'silent' });
    const concurrency = options.concurrency ?? 100;
    const leaseSeconds = options.leaseSeconds ?? 15;
    const emit: Emit = (event, payload) => this.#publish(event, payload);
    const drainWakeups = (): void => this.#finalizer.drainWakeups();

    this.#log = log;
    this.#events.setMaxListeners(0); // every waiting program is a listener
    this.#ownsDatabase = typeof options.database === 'string';
    this.#database =
      typeof options.database === 'string' ? new Database({ url: options.database }) : options.database;
    this.#queue = options.queue ?? new GraphileWorkerQueue({ database: this.#database, log });
    this.#registry = new HandlerRegistry(options.handlers);
    this.#definitions = (options.templates ?? []).map((template) => this.#adopt(template));
    if (!this.#registry.has(HttpHandler.handlerName)) this.#registry.add([HttpHandler]);
    this.#registry.freeze();
    this.#templates = new Templates(this.#database, options.environment ?? 'development');
    this.#tasks = new TaskCreator({
      database: this.#database,
      templates: this.#templates,
      queue: this.#queue,
      onWakeups: drainWakeups,
    });
    this.#membership = new Membership({
      database: this.#database,
      handlers: this.#registry.names(),
      capacity: concurrency,
      leaseSeconds,
      log,
    });
    this.#recorder = new Recorder({
      database: this.#database,
      log,
      pause,
      onRecorded: (recorded) => this.#finalizer.settle(recorded),
    });
    this.#dispatcher = new Dispatcher({
      registry: this.#registry,
      recorder: this.#recorder,
      emit,
      log,
      concurrency,
      onSlotFreed: () => this.#claims.slotFreed(),
    });
    this.#starter = new Batcher({ maxSize: TASKS_AT_ONCE, run: (taskIds) => this.#startTasks(taskIds) });
    this.#finalizer = new Finalizer({
      database: this.#database,
      queue: this.#queue,
      emit,
      log,
      onReady: (handlers) => this.#onReady(handlers),
      onDue: (taskId) => void this.#starter.add(taskId).catch(() => {}), // the job in the queue comes anyway
    });
    this.#claims = new ClaimLoop({
      claim: (capacity) =>
        claimSteps(this.#database, this.#membership.identity, this.#registry.names(), capacity),
      freeCapacity: () => this.#dispatcher.freeCapacity,
      dispatch: (steps) => this.#dispatcher.dispatch(this.#membership.identity, steps),
      onFenced: () => this.#membership.join(),
      pollIntervalMs: options.pollIntervalMs ?? 1000,
      pause,
      log,
    });
    this.#recovery = new Recovery({
      database: this.#database,
      membership: this.#membership,
      log,
      intervalMs: (leaseSeconds * 1000) / 3,
      onAftermath: (aftermath) => this.#finalizer.settle(aftermath),
      drainWakeups,
      claimIds: () => this.#dispatcher.claimIds,
      onRevoked: (claimIds) => this.#dispatcher.revoke(claimIds, new Error('the step was taken away')),
    });
    this.#listener = new Listener({
      database: this.#database,
      log,
      onMessage: (message) => this.#onMessage(message),
      onConnected: () => this.#claims.wake(),
    });
  }

  /** The names of the handlers that this process serves. */
  get handlers(): readonly string[] {
    return this.#registry.names();
  }

  /** The templates registered by this process. */
  get templates(): readonly RegisteredTemplate[] {
    return this.#templates.list();
  }

  /** Registers templates and handlers, and begins to run steps. */
  async start(): Promise<void> {
    if (this.#stopping)
      throw new TreadleError('invalid_argument', 'the engine has been stopped: make a new one');
    if (this.#started) throw new TreadleError('invalid_argument', 'the engine is running already');
    this.#started = true;
    await this.#queue.install();
    await this.#templates.register(this.#definitions);
    await this.#membership.join();
    if (!this.#queue.durable) await wakeUnfinishedTasks(this.#database);
    await this.#listener.start();
    await this.#queue.start((taskId) => this.#starter.add(taskId));
    this.#recovery.start();
    this.#claims.start();
    this.#log.info({ handlers: this.handlers, queue: this.#queue.name }, 'the engine runs');
  }

  /** Claims nothing more, lets running steps end, records them, and leaves. Every call resolves when that is done. */
  stop(options: StopOptions = {}): Promise<void> {
    if (this.#stopping && options.graceSeconds === 0) this.#dispatcher.abort(new Error('the engine stops'));
    this.#stopping ??= this.#stop(options);
    return this.#stopping;
  }

  async #stop({ graceSeconds = 30 }: StopOptions): Promise<void> {
    if (!this.#started) return this.#closeDatabase();
    await this.#claims.stop(); // first: from this moment on nothing more is claimed
    await this.#queue.stop();
    const hurry = setTimeout(
      () => this.#dispatcher.abort(new Error('the engine stops')),
      graceSeconds * 1000,
    );
    await this.#dispatcher.idle();
    clearTimeout(hurry);
    await this.#finalizer.stop();
    await this.#recovery.stop();
    await this.#listener.stop();
    await this.#membership.leave();
    this.#log.info('the engine has stopped');
    return this.#closeDatabase();
  }

  /**
   * Creates one task. With `client` it is created in that transaction and commits or vanishes with it.
   * @throws TreadleError `unknown_template`, `invalid_context`, `invalid_argument`, `unknown_step`
   */
  async createTask(request: TaskRequest, options?: CreateOptions): Promise<CreatedTask> {
    const [created] = await this.createTasks([request], options);
    if (!created) throw new Error('a task was neither created nor found');
    return created;
  }

  /** Creates many tasks, all of them or none. */
  async createTasks(requests: readonly TaskRequest[], options?: CreateOptions): Promise<CreatedTask[]> {
    return this.#tasks.create(requests, options);
  }

  /** Registers further templates while running, all of them or none. Their handlers must be known already. */
  async registerTemplates(templates: readonly TaskTemplate[]): Promise<readonly RegisteredTemplate[]> {
    return this.#templates.register(templates);
  }

  /** Resolves with the state in which the task ended. Rejects when the signal aborts. */
  async waitForTask(taskId: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<State> {
    for (;;) {
      const state = await taskState(this.#database, taskId);
      if (END_STATES.has(state)) return state;
      await this.#somethingEnded(taskId, signal);
    }
  }

  /** Tells `listener` of every event of this name in this process, after the fact is recorded. Returns the way out. */
  on<Name extends EventName>(event: Name, listener: (payload: EventPayloads[Name]) => void): () => void {
    this.#events.on(event, listener);
    return () => this.#events.off(event, listener);
  }

  #adopt(given: TaskTemplate | TaskDefinition): TaskTemplate {
    if (!('template' in given)) return given;
    this.#registry.add(given.handlers as readonly StepHandlerClass[]);
    return given.template;
  }

  async #startTasks(taskIds: readonly number[]): Promise<void[]> {
    const sorted = [...new Set(taskIds)].sort((a, b) => a - b);
    this.#finalizer.settle(await startTasks(this.#database, sorted));
    return taskIds.map(() => undefined);
  }

  #onReady(handlers: Aftermath['ready_handlers']): void {
    const served = handlers.some((handler) => handler !== null && this.#registry.has(handler));
    if (served) this.#claims.wake();
    const others = handlers.some((handler) => handler !== null && !this.#registry.has(handler));
    if (others || this.#dispatcher.freeCapacity <= 0) {
      notifyEngines(this.#database, 'ready').catch(() => {}); // they look for themselves every second
    }
  }

  #onMessage(message: string): void {
    if (message === 'ready') this.#claims.wake();
    else if (message === 'wakeups') this.#finalizer.drainWakeups();
    else if (message === 'changed') this.#recovery.settleChanged();
    else if (message === 'revoked') this.#recovery.checkClaims().catch(() => {}); // the next round looks again
  }

  #publish<Name extends EventName>(event: Name, payload: EventPayloads[Name]): void {
    for (const listener of this.#events.listeners(event)) {
      try {
        listener(payload);
      } catch (error) {
        this.#log.error({ err: error, event }, 'a listener of lifecycle events failed');
      }
    }
  }

  /** A task of this process ended, or half a second passed: others may have ended it. */
  async #somethingEnded(taskId: number, signal: AbortSignal | undefined): Promise<void> {
    const found = new AbortController();
    const offs = (['task.completed', 'task.failed', 'task.cancelled'] as const).map((event) =>
      this.on(event, ({ task_id }) => {
        if (task_id === taskId) found.abort();
      }),
    );
    const either = signal ? AbortSignal.any([signal, found.signal]) : found.signal;
    await pause(500, undefined, { signal: either }).catch(() => {});
    for (const off of offs) off();
    signal?.throwIfAborted();
  }

  async #closeDatabase(): Promise<void> {
    if (this.#ownsDatabase) await this.#database.close();
  }
}
