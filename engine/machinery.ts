// The moving parts of one engine, and who turns whom: the only place that knows all of them. `start` sets them going in
// order; wind-down.ts brings them to rest.
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Emit } from '../core/events.ts';
import type { HandlerRegistry } from '../handlers/registry.ts';
import type { Database } from '../sql/database.ts';
import { HandlerTransactions } from '../sql/handler-transaction.ts';
import { changeWorker, undeliveredSteps } from '../sql/steps.ts';
import { wakeUnfinishedTasks } from '../sql/tasks.ts';
import { Deadlines } from './deadlines.ts';
import { Dispatcher } from './dispatcher.ts';
import { Finalizer } from './finalizer.ts';
import { Handover } from './queue/handover.ts';
import { LateStarts } from './late-starts.ts';
import { LifecycleEvents } from './lifecycle-events.ts';
import { Listener } from './listener.ts';
import { LocalCrew } from './local-crew.ts';
import { Membership } from './membership.ts';
import { MixedFleet } from './mixed-fleet.ts';
import { hear, tellOfReady } from './news.ts';
import { Operations } from './operations.ts';
import type { EngineOptions } from './options.ts';
import { Outage } from './outage.ts';
import type { QueueAdapter } from './queue/adapter.ts';
import { Recorder } from './recorder.ts';
import { claimPollMs, roundsLookForSteps } from './periods.ts';
import { Recovery } from './recovery.ts';
import { Runtimes } from './runtimes.ts';
import { Scheduler } from './schedules/scheduler.ts';
import { Schedules } from './schedules/schedules.ts';
import { StepSupply } from './step-supply.ts';
import { Sweep } from './sweep.ts';
import { TaskCreator } from './task-requests.ts';
import { Templates } from './templates.ts';
import { Vigil } from './vigil.ts';
import { WorkerRoster } from './worker-roster.ts';

const DEFAULT_FUSE_MS = 50;

/** What the engine has made of its options. */
export interface Foundation {
  readonly options: EngineOptions;
  readonly database: Database;
  readonly registry: HandlerRegistry;
  readonly queue: QueueAdapter;
  readonly log: Logger;
}

export class Machinery {
  readonly database: Database;
  readonly queue: QueueAdapter;
  readonly log: Logger;
  readonly events: LifecycleEvents;
  readonly templates: Templates;
  readonly tasks: TaskCreator;
  readonly membership: Membership;
  readonly recorder: Recorder;
  readonly transactions: HandlerTransactions;
  readonly dispatcher: Dispatcher;
  readonly finalizer: Finalizer;
  readonly handover: Handover;
  readonly fleet: MixedFleet;
  readonly runtimes: Runtimes;
  /** What this process runs itself. */
  readonly crew: LocalCrew;
  readonly roster: WorkerRoster;
  readonly supply: StepSupply;
  readonly lateStarts: LateStarts;
  readonly recovery: Recovery;
  readonly deadlines: Deadlines;
  readonly schedules: Schedules;
  readonly scheduler: Scheduler;
  readonly sweep: Sweep;
  readonly listener: Listener;
  readonly vigil: Vigil;
  readonly operations: Operations;
  readonly outage: Outage;
  readonly #leaving = new AbortController();
  #begun = false;
  #running = false;

  constructor({ options, database, registry, queue, log }: Foundation) {
    const concurrency = options.concurrency ?? 100;
    const leaseSeconds = options.leaseSeconds ?? 15;
    const pollIntervalMs = options.pollIntervalMs ?? 1000;
    const emit: Emit = (event, payload) => this.events.publish(event, payload);
    const drainWakeups = (): void => this.drainWakeups();
    const onAway = (error: unknown): void => this.outage.noticed(error);

    this.database = database;
    this.queue = queue;
    this.log = log;
    this.events = new LifecycleEvents(log);
    this.templates = new Templates(database, options.environment ?? 'development');
    this.tasks = new TaskCreator({
      database: this.database,
      templates: this.templates,
      queue: this.queue,
      onWakeups: drainWakeups,
    });
    this.outage = new Outage({
      database: this.database,
      log,
      onBack: (wasAway) => this.#onPostgresBack(wasAway),
    });
    this.membership = new Membership({
      database: this.database,
      handlers: () => this.#handlers,
      capacity: concurrency,
      leaseSeconds,
      log,
      onReturned: () => {
        this.dispatcher.revoke(this.dispatcher.claimIds, new Error('this worker was declared dead'));
        void this.listener.holdLock();
      },
    });
    this.recorder = new Recorder({
      database: this.database,
      log,
      pause,
      outageOver: (error, signal) => this.outage.over(error, signal),
      onRecorded: (recorded) => this.finalizer.settle(recorded),
      successors: {
        order: (ended) => this.supply.order(ended),
        arrived: ({ loan }, asked, worker, steps) => this.supply.claims.repay(loan, asked, worker, steps),
        lost: ({ loan }) => this.supply.claims.writeOff(loan),
      },
    });
    this.transactions = new HandlerTransactions(this.database, options.handlerConnections ?? 10);
    this.runtimes = new Runtimes(options, {
      database: this.database,
      log,
      hears: () => this.listener.hears,
      onChange: () => this.#runtimesChanged(),
      onAway,
    });
    this.crew = new LocalCrew({ registry, runtimes: this.runtimes, concurrency, log });
    this.roster = new WorkerRoster({
      log,
      runtimes: this.runtimes,
      onRoom: (crew) => this.supply.claims.slotFreed(crew),
      onHandlers: () => this.#handlersChanged(),
    });
    this.dispatcher = new Dispatcher({
      database: this.database,
      recorder: this.recorder,
      transactions: this.transactions,
      onCompleted: (aftermath) => this.finalizer.settle(aftermath),
      defaultTimeoutMs: inMs(options.defaultTimeoutSeconds),
      maxResultBytes: options.maxResultBytes,
      onProgress: (progress) => this.events.progressed(progress),
      emit,
      isHeard: (event) => this.events.isHeard(event),
      log,
      onSlotFreed: (slots) => this.supply.claims.slotFreed(slots),
    });
    this.finalizer = new Finalizer({
      emit,
      onReady: (handlers) => tellOfReady(this, handlers),
      onWakeups: drainWakeups,
    });
    this.handover = new Handover({
      database: this.database,
      queue: this.queue,
      emit,
      log,
      onAway,
      onDue: (taskId) => void this.supply.starter.add(taskId).catch(() => {}), // the job in the queue comes anyway
    });
    this.fleet = new MixedFleet(options, { database: this.database, emit, log, onAway });
    this.lateStarts = new LateStarts({
      database: this.database,
      afterMs: options.fuseMs ?? DEFAULT_FUSE_MS,
      isRunning: ({ claim_id }) => this.dispatcher.stepOf(claim_id) !== undefined,
      log,
    });
    this.deadlines = new Deadlines({
      database: this.database,
      onAftermath: (aftermath) => this.finalizer.settle(aftermath),
      log,
    });
    this.schedules = new Schedules({ database: this.database, templates: this.templates, tasks: this.tasks });
    this.scheduler = new Scheduler({
      database: this.database,
      tasks: this.tasks,
      log,
      onCreated: drainWakeups,
    });
    this.recovery = new Recovery({
      database: this.database,
      membership: this.membership,
      log,
      leaseSeconds,
      emit,
      onAway,
      onStalled: () => this.vigil.blind(),
      maySeeDeaths: () => !this.vigil.isBlind,
      onAftermath: (aftermath) => this.finalizer.settle(aftermath),
      drainWakeups,
      onDeaths: () => this.queue.consumersDied?.(),
      handlers: () => (roundsLookForSteps(pollIntervalMs) ? this.#handlers : null),
      onReady: () => this.supply.claims.wake(),
      onJobDueIn: (ms) => this.queue.jobDueIn?.(ms),
      onDeadlineIn: (ms) => this.deadlines.expect(ms),
      onScheduleIn: (ms) => this.scheduler.expect(ms),
      claimIds: () => this.dispatcher.claimIds,
      stepOf: (claimId) => this.dispatcher.stepOf(claimId),
      onRevoked: (claimId, reason) => this.dispatcher.revoke([claimId], reason),
      onCompleted: (claimId, reason) => this.dispatcher.completedElsewhere(claimId, reason),
    });
    this.sweep = new Sweep({
      database: this.database,
      log,
      everySeconds: options.sweepSeconds ?? 30,
      retentionDays: options.retentionDays,
      onAftermath: (aftermath) => this.finalizer.settle(aftermath),
      onAway,
      pause,
    });
    this.listener = new Listener({
      database: this.database,
      log,
      sessionLocks: options.sessionLocks ?? 'auto',
      identity: () => this.membership.identityIfAny,
      onMessage: (message) => hear(this, message),
      onConnected: () => {
        this.recovery.lookNow(); // what was said meanwhile did not reach us
        void this.runtimes.look();
        this.supply.claims.wake();
        this.vigil.lookSharp();
      },
      onLost: () => {
        this.vigil.blind();
        this.supply.claims.wake(); // it polls from now on
      },
    });
    this.operations = new Operations({
      database: this.database,
      emit,
      onAftermath: (aftermath) => {
        // an engine that does not run leaves it to the others: the database has told them
        if (this.#running) this.finalizer.settle(aftermath);
      },
    });
    this.vigil = new Vigil({
      connection: () => this.listener.connection,
      workerId: () => this.membership.identity.worker_id,
      isTold: () => this.listener.hears,
      onAbsent: (workerIds) => this.recovery.takeBack(workerIds),
      onAway,
      log,
    });
    this.supply = new StepSupply({
      database: this.database,
      vigil: this.vigil,
      lateStart: this.lateStarts.enabled,
      running: () => this.dispatcher.running,
      onStarted: (aftermath) => this.finalizer.settle(aftermath),
      leaving: this.leaving,
      identity: () => this.membership.identity,
      undelivered: (worker) => undeliveredSteps(this.database, worker, this.dispatcher.heldClaimIds),
      crews: () => (this.roster.size > 0 ? [this.crew, ...this.roster.crews] : [this.crew]),
      dispatch: (worker, steps, crewOf) => {
        this.dispatcher.dispatch(worker, steps, crewOf);
        this.lateStarts.watch(steps);
      },
      onFenced: (lost) => this.membership.comeBack(lost),
      outageOver: (error, signal) => this.outage.over(error, signal),
      leaseMs: leaseSeconds * 1000,
      pollIntervalMs: () =>
        claimPollMs({
          pollIntervalMs,
          hears: this.listener.hears,
          running: this.dispatcher.running,
          othersQuiet: this.vigil.isQuiet,
        }),
      pause,
      log,
    });
  }

  /** From the start until it begins to stop. */
  get running(): boolean {
    return this.#running;
  }

  /** Aborts when the engine begins to stop. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  async start(): Promise<void> {
    this.#begun = true;
    this.#running = true;
    await this.membership.join();
    if (!this.queue.durable) await wakeUnfinishedTasks(this.database);
    await this.listener.start();
    this.runtimes.start();
    await this.queue.start((taskId) => this.supply.starter.add(taskId));
    this.recovery.start();
    this.sweep.start();
    await this.fleet.start();
    this.vigil.start();
    this.supply.claims.start();
  }

  /** What comes from here on is left to the other engines. */
  leave(): void {
    this.#running = false;
    this.#leaving.abort();
  }

  /** All that this process serves, itself or through connected workers. */
  get #handlers(): readonly string[] {
    return [...new Set([this.crew, ...this.roster.crews].flatMap(({ handlers }) => handlers))];
  }

  /** An engine that was not started leaves it to the others: the database has told them. */
  drainWakeups(): void {
    if (this.#begun) this.handover.drain();
  }

  #runtimesChanged(): void {
    this.crew.renew();
    this.roster.renew();
    this.#handlersChanged();
    this.supply.claims.wake();
  }

  /** Other handlers are served than before: a worker has come or gone, or a template was registered. */
  #handlersChanged(): void {
    const identity = this.membership.identityIfAny;
    if (!identity || !this.#running) return;
    const registration = this.membership.registration;
    changeWorker(this.database, identity, registration).catch((error: unknown) => this.outage.noticed(error)); // shown to people only
  }

  #onPostgresBack(wasAway: boolean): void {
    if (wasAway) this.vigil.blind(); // the others come back in these seconds too
    this.listener.reconnect();
    this.fleet.look();
    this.recovery.lookNow();
    this.supply.claims.wake();
  }
}

function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
