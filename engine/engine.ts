// What an embedding program holds: one engine process on one database. Start it, give it tasks, stop it.
import { pino, type Logger } from 'pino';
import { TreadleError } from '../core/errors.ts';
import type { EventName, EventPayloads } from '../core/events.ts';
import type { TaskDefinition } from '../core/template/builder.ts';
import type { TaskTemplate } from '../core/template/template.ts';
import type { State } from '../core/vocabulary.ts';
import { HttpHandler } from '../handlers/http.ts';
import { HandlerRegistry, type StepHandlerClass } from '../handlers/registry.ts';
import type {
  CancelledTask,
  ChangedStep,
  Paused,
  ResolvedTask,
  Resumed,
  RetriedTask,
} from '../sql/controls.ts';
import { Database } from '../sql/database.ts';
import type { CreatedTask } from '../sql/tasks.ts';
import type { ConnectedWorker, WorkerLink } from './connected-worker.ts';
import type { Fleet } from './fleet.ts';
import { engineHealth, type EngineHealth } from './health.ts';
import { Machinery } from './machinery.ts';
import type { OperatorOptions, PauseTarget, ResolveOptions } from './operations.ts';
import type { StepProgress } from './running-claim.ts';
import type { EngineOptions, EngineStats, StopOptions, StopReport } from './options.ts';
import { GraphileWorkerQueue } from './queue/graphile-worker.ts';
import { guardAgainstStrayRejections } from './stray-rejections.ts';
import { taskEnd } from './task-end.ts';
import type { Schedules } from './schedules/schedules.ts';
import type { CreateOptions, TaskRequest } from './task-requests.ts';
import type { RegisteredTemplate } from './templates.ts';
import { lastWord, windDown } from './wind-down.ts';

export class Engine {
  readonly #database: Database;
  readonly #ownsDatabase: boolean;
  readonly #registry: HandlerRegistry;
  readonly #definitions: readonly TaskTemplate[];
  readonly #machinery: Machinery;
  readonly #log: Logger;
  readonly #hurry = new AbortController();
  #unguard: () => void = () => {};
  #started = false;
  #stopping: Promise<StopReport> | undefined;

  constructor(options: EngineOptions) {
    this.#log = options.log ?? pino({ level: 'silent' });
    this.#ownsDatabase = typeof options.database === 'string';
    this.#database =
      typeof options.database === 'string' ? new Database({ url: options.database }) : options.database;
    this.#registry = new HandlerRegistry(options.handlers);
    this.#definitions = (options.templates ?? []).map((template) => this.#adopt(template));
    if (!this.#registry.has(HttpHandler.handlerName)) this.#registry.add([HttpHandler]);
    this.#registry.freeze();
    this.#machinery = new Machinery({
      options,
      database: this.#database,
      registry: this.#registry,
      queue: options.queue ?? new GraphileWorkerQueue({ database: this.#database, log: this.#log }),
      log: this.#log,
    });
  }

  /** The names of the handlers that this process serves itself: once it runs, without those that templates send elsewhere. */
  get handlers(): readonly string[] {
    return this.#machinery.crew.handlers;
  }

  /** The templates registered by this process. */
  get templates(): readonly RegisteredTemplate[] {
    return this.#machinery.templates.list();
  }

  /** Tasks that begin by themselves: add, list, show, pause, resume, remove, run. */
  get schedules(): Schedules {
    return this.#machinery.schedules;
  }

  /** Which named tasks run here and which in the Rails engine: choose, forget, list. */
  get fleet(): Fleet {
    return this.#machinery.fleet.choices;
  }

  /** Registers templates and handlers, and begins to run steps. */
  async start(): Promise<void> {
    if (this.#stopping)
      throw new TreadleError('invalid_argument', 'the engine has been stopped: make a new one');
    if (this.#started) throw new TreadleError('invalid_argument', 'the engine is running already');
    this.#started = true;
    this.#unguard = guardAgainstStrayRejections();
    const { queue, fleet, templates, runtimes } = this.#machinery;
    await Promise.all([queue.install(), fleet.install()]);
    await templates.register(this.#definitions);
    await runtimes.load();
    await this.#machinery.start();
    this.#log.info({ handlers: this.handlers, queue: queue.name }, 'the engine runs');
  }

  /** What this engine is doing right now. */
  stats(): EngineStats {
    const { membership, dispatcher, recorder, outage } = this.#machinery;
    const identity = membership.identityIfAny;
    return {
      worker_id: identity?.worker_id ?? null,
      epoch: identity?.epoch ?? null,
      running: dispatcher.running,
      backlog: recorder.backlog,
      late_outcomes: dispatcher.lateOutcomes,
      postgres_away: outage.lasts,
    };
  }

  /** Whether it can do its work, asked now: never rejects, and answers within some seconds. */
  health(): Promise<EngineHealth> {
    return engineHealth(this.#machinery);
  }

  /**
   * Claims nothing more, lets running steps end, records them, and leaves. Handlers that outlive the grace are told to
   * stop; what still runs a second later is given back for others to run, without an attempt counted. It ends in bounded
   * time also while Postgres is away. A second call with `graceSeconds: 0` ends the grace. Every call resolves when all
   * is done, with what became of the steps that ran.
   */
  stop(options: StopOptions = {}): Promise<StopReport> {
    if (options.graceSeconds === 0) this.#hurry.abort();
    this.#stopping ??= this.#stop(options);
    return this.#stopping;
  }

  async #stop({ graceSeconds = 30 }: StopOptions): Promise<StopReport> {
    this.#machinery.leave();
    const report = this.#started
      ? await windDown(this.#machinery, graceSeconds * 1000, this.#hurry.signal)
      : this.#machinery.dispatcher.counts;
    if (this.#started) this.#sayStopped(report);
    await lastWord(this.#machinery, this.#close());
    this.#unguard();
    return report;
  }

  #sayStopped({ ended, givenBack, unrecorded }: StopReport): void {
    const words = `stopped: ${ended} ${ended === 1 ? 'step' : 'steps'} ended, ${givenBack} given back`;
    if (unrecorded === 0) this.#log.info(words);
    else this.#log.error(`${words}, ${unrecorded} not recorded: others run them again`);
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
    return this.#machinery.tasks.create(requests, options);
  }

  /** Registers further templates while running, all of them or none. Their handlers must be known already. */
  async registerTemplates(templates: readonly TaskTemplate[]): Promise<readonly RegisteredTemplate[]> {
    const registered = await this.#machinery.templates.register(templates);
    await this.#machinery.runtimes.look(); // the first task may be created at once
    return registered;
  }

  /**
   * Cancels a task that has not ended, or failed, with all its unfinished steps; running handlers see their signal abort.
   * @throws TreadleError `unlawful_transition`, `unknown_task`; so do all operations on a task
   */
  async cancelTask(taskId: number, options: OperatorOptions = {}): Promise<CancelledTask> {
    return this.#machinery.operations.cancelTask(taskId, options);
  }

  /** Gives all failed steps of a task a fresh allowance of attempts, at once; a failed task goes on. */
  async retryTask(taskId: number, options: OperatorOptions = {}): Promise<RetriedTask> {
    return this.#machinery.operations.retryTask(taskId, options);
  }

  /** Ends a failed task for good as `resolved_manually`; its steps stay as they are. */
  async resolveTask(taskId: number, options: OperatorOptions = {}): Promise<ResolvedTask> {
    return this.#machinery.operations.resolveTask(taskId, options);
  }

  /** The same for one step. @throws TreadleError `unlawful_transition`, `unknown_step` */
  async retryStep(stepId: number, options: OperatorOptions = {}): Promise<ChangedStep> {
    return this.#machinery.operations.retryStep(stepId, options);
  }

  /**
   * Resolves a pending or failed step by hand, with `force` also a running one: its children see `results`.
   * @throws TreadleError `unlawful_transition`, `unknown_step`
   */
  async resolveStep(stepId: number, options: ResolveOptions = {}): Promise<ChangedStep> {
    return this.#machinery.operations.resolveStep(stepId, options);
  }

  /**
   * No step of this task, namespace or handler is claimed any more, by any engine; running steps go on. `done` is false
   * when it was paused already. @throws TreadleError `unknown_task`, `unlawful_transition`, `invalid_argument`
   */
  async pause(target: PauseTarget, options: OperatorOptions = {}): Promise<Paused> {
    return this.#machinery.operations.pause(target, options);
  }

  /** Ends a pause; `done` is false when there was none. */
  async resume(target: PauseTarget): Promise<Resumed> {
    return this.#machinery.operations.resume(target);
  }

  /** Resolves with the state in which the task ended. Rejects when the signal aborts. */
  async waitForTask(taskId: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<State> {
    return taskEnd(this.#machinery, taskId, signal);
  }

  /** Tells `listener` of every event of this name in this process, after the fact is recorded. Returns the way out. */
  on<Name extends EventName>(event: Name, listener: (payload: EventPayloads[Name]) => void): () => void {
    return this.#machinery.events.on(event, listener);
  }

  /**
   * Starts a task that is due: what the job of a queue does. Resolves when it has been started; a task that has ended, or
   * that waits, is left as it is.
   */
  async runTask(taskId: number): Promise<void> {
    return this.#machinery.supply.starter.add(taskId);
  }

  /** A worker in another process, as a binding brings it: its handlers are served from now on, within its credits. */
  connect(link: WorkerLink): ConnectedWorker {
    return this.#machinery.roster.connect(link);
  }

  /** Tells `listener` how far running steps are, as their handlers say. Returns the way out. */
  onProgress(listener: (progress: StepProgress) => void): () => void {
    return this.#machinery.events.onProgress(listener);
  }

  #adopt(given: TaskTemplate | TaskDefinition): TaskTemplate {
    if (!('template' in given)) return given;
    this.#registry.add(given.handlers as readonly StepHandlerClass[]);
    return given.template;
  }

  async #close(): Promise<void> {
    await this.#machinery.transactions.close();
    if (this.#ownsDatabase) await this.#database.close();
  }
}
