// The moving parts of one engine, and who turns whom: the only place that knows all of them. `start` sets them going in
// order; wind-down.ts brings them to rest.
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Emit } from '../core/events.ts';
import type { HandlerRegistry } from '../handlers/registry.ts';
import type { Database } from '../sql/database.ts';
import type { ClaimedStep } from '../sql/delivery.ts';
import { HandlerTransactions } from '../sql/handler-transaction.ts';
import { claimSteps, undeliveredSteps, type Aftermath, type WorkerIdentity } from '../sql/steps.ts';
import { notifyEngines, startTasks, wakeUnfinishedTasks } from '../sql/tasks.ts';
import { Batcher } from './batcher.ts';
import { ClaimLoop, type Loan } from './claim-loop.ts';
import { Deadlines } from './deadlines.ts';
import { Dispatcher } from './dispatcher.ts';
import { Finalizer } from './finalizer.ts';
import { LateStarts } from './late-starts.ts';
import { LifecycleEvents } from './lifecycle-events.ts';
import { Listener } from './listener.ts';
import { Membership } from './membership.ts';
import { Operations } from './operations.ts';
import type { EngineOptions } from './options.ts';
import { isAway, Outage } from './outage.ts';
import type { QueueAdapter } from './queue/adapter.ts';
import { Recorder, type Order } from './recorder.ts';
import { claimPollMs, roundsLookForSteps } from './periods.ts';
import { Recovery } from './recovery.ts';
import { Sweep } from './sweep.ts';
import { TaskCreator } from './task-requests.ts';
import { Templates } from './templates.ts';
import { Vigil } from './vigil.ts';

const TASKS_AT_ONCE = 500;
const DEFAULT_FUSE_MS = 50;
/** Notifications are serialised at commit, across the whole database. */
const SHARE_AGAIN_MS = 100;

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
  readonly registry: HandlerRegistry;
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
  readonly starter: Batcher<number, void>;
  readonly claims: ClaimLoop;
  readonly lateStarts: LateStarts;
  readonly recovery: Recovery;
  readonly deadlines: Deadlines;
  readonly sweep: Sweep;
  readonly listener: Listener;
  readonly vigil: Vigil;
  readonly operations: Operations;
  readonly outage: Outage;
  readonly #leaving = new AbortController();
  #running = false;
  #sharedAt = -SHARE_AGAIN_MS;

  constructor({ options, database, registry, queue, log }: Foundation) {
    const concurrency = options.concurrency ?? 100;
    const leaseSeconds = options.leaseSeconds ?? 15;
    const pollIntervalMs = options.pollIntervalMs ?? 1000;
    const emit: Emit = (event, payload) => this.events.publish(event, payload);
    const drainWakeups = (): void => this.finalizer.drainWakeups();

    this.database = database;
    this.registry = registry;
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
      handlers: this.registry.names(),
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
        order: (ended) => this.#orderFor(this.claims.lend(ended)),
        arrived: ({ loan }, asked, worker, steps) => this.claims.repay(loan, asked, worker, steps),
        lost: ({ loan }) => this.claims.writeOff(loan),
      },
    });
    this.transactions = new HandlerTransactions(this.database, options.handlerConnections ?? 10);
    this.dispatcher = new Dispatcher({
      registry: this.registry,
      recorder: this.recorder,
      transactions: this.transactions,
      onCompleted: (aftermath) => this.finalizer.settle(aftermath),
      defaultTimeoutMs: inMs(options.defaultTimeoutSeconds),
      maxResultBytes: options.maxResultBytes,
      emit,
      isHeard: (event) => this.events.isHeard(event),
      log,
      concurrency,
      onSlotFreed: () => this.claims.slotFreed(),
    });
    this.starter = new Batcher({ maxSize: TASKS_AT_ONCE, run: (taskIds) => this.#startTasks(taskIds) });
    this.finalizer = new Finalizer({
      database: this.database,
      queue: this.queue,
      emit,
      log,
      onReady: (handlers) => this.#onReady(handlers),
      onAway: (error) => this.outage.noticed(error),
      onDue: (taskId) => void this.starter.add(taskId).catch(() => {}), // the job in the queue comes anyway
    });
    this.lateStarts = new LateStarts({
      database: this.database,
      afterMs: options.fuseMs ?? DEFAULT_FUSE_MS,
      isRunning: ({ claim_id }) => this.dispatcher.stepOf(claim_id) !== undefined,
      log,
    });
    this.claims = new ClaimLoop({
      identity: () => this.membership.identity,
      claim: (worker, capacity) => this.#claim(worker, capacity),
      undelivered: (worker) => undeliveredSteps(this.database, worker, this.dispatcher.heldClaimIds),
      freeCapacity: () => this.dispatcher.freeCapacity,
      dispatch: (worker, steps) => {
        this.dispatcher.dispatch(worker, steps);
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
    this.deadlines = new Deadlines({
      database: this.database,
      onAftermath: (aftermath) => this.finalizer.settle(aftermath),
      log,
    });
    this.recovery = new Recovery({
      database: this.database,
      membership: this.membership,
      log,
      leaseSeconds,
      emit,
      onAway: (error) => this.outage.noticed(error),
      onStalled: () => this.vigil.blind(),
      maySeeDeaths: () => !this.vigil.isBlind,
      onAftermath: (aftermath) => this.finalizer.settle(aftermath),
      drainWakeups,
      handlers: roundsLookForSteps(pollIntervalMs) ? this.registry.names() : null,
      onReady: () => this.claims.wake(),
      onJobDueIn: (ms) => this.queue.jobDueIn?.(ms),
      onDeadlineIn: (ms) => this.deadlines.expect(ms),
      claimIds: () => this.dispatcher.claimIds,
      stepOf: (claimId) => this.dispatcher.stepOf(claimId),
      onRevoked: (claimId, reason) => this.dispatcher.revoke([claimId], reason),
    });
    this.sweep = new Sweep({
      database: this.database,
      log,
      everySeconds: options.sweepSeconds ?? 30,
      retentionDays: options.retentionDays,
      onAftermath: (aftermath) => this.finalizer.settle(aftermath),
      onAway: (error) => this.outage.noticed(error),
      pause,
    });
    this.listener = new Listener({
      database: this.database,
      log,
      sessionLocks: options.sessionLocks ?? 'auto',
      identity: () => this.membership.identityIfAny,
      onMessage: (message) => this.#onMessage(message),
      onConnected: () => {
        this.recovery.lookNow(); // what was said meanwhile did not reach us
        this.claims.wake();
        this.vigil.lookSharp();
      },
      onLost: () => {
        this.vigil.blind();
        this.claims.wake(); // it polls from now on
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
      onAway: (error) => this.outage.noticed(error),
      log,
    });
  }

  /** Aborts when the engine begins to stop. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  async start(): Promise<void> {
    this.#running = true;
    await this.membership.join();
    if (!this.queue.durable) await wakeUnfinishedTasks(this.database);
    await this.listener.start();
    await this.queue.start((taskId) => this.starter.add(taskId));
    this.recovery.start();
    this.sweep.start();
    this.vigil.start();
    this.claims.start();
  }

  /** What comes from here on is left to the other engines. */
  leave(): void {
    this.#running = false;
    this.#leaving.abort();
  }

  async #claim(worker: WorkerIdentity, capacity: number): Promise<ClaimedStep[]> {
    const announce = this.#announces;
    const steps = await claimSteps(this.database, worker, this.registry.names(), capacity, {
      announce,
      lateStart: this.lateStarts.enabled,
    });
    if (announce && steps.length > 0) this.vigil.noticeGiven();
    if (steps.length >= capacity) this.#share();
    return steps;
  }

  /** There is more than we can take: others may have room. They go on by themselves once they have begun. */
  #share(): void {
    if (this.vigil.isAlone || performance.now() - this.#sharedAt < SHARE_AGAIN_MS) return;
    this.#sharedAt = performance.now();
    notifyEngines(this.database, 'ready').catch(() => {}); // their next round looks for itself
  }

  #onPostgresBack(wasAway: boolean): void {
    if (wasAway) this.vigil.blind(); // the others come back in these seconds too
    this.listener.reconnect();
    this.recovery.lookNow();
    this.claims.wake();
  }

  async #startTasks(taskIds: readonly number[]): Promise<void[]> {
    const sorted = [...new Set(taskIds)].sort((a, b) => a - b);
    for (;;) {
      try {
        this.finalizer.settle(await this.#startAndClaim(sorted));
        return taskIds.map(() => undefined);
      } catch (error) {
        if (!isAway(error) || this.#leaving.signal.aborted) throw error;
        await this.outage.over(error, this.#leaving.signal); // the queue need not know
      }
    }
  }

  /** First steps come with the start of their tasks, as children do with the recording of their parents. */
  async #startAndClaim(taskIds: readonly number[]): Promise<Aftermath> {
    const [worker, loan, asked] = [
      this.membership.identity,
      this.claims.lend(taskIds.length),
      performance.now(),
    ];
    const announce = this.#announces;
    try {
      const claim = { ...this.#orderFor(loan), announce };
      const { claimed, ...aftermath } = await startTasks(this.database, taskIds, worker, claim);
      if (announce && claimed.length > 0) this.vigil.noticeGiven();
      this.claims.repay(loan, asked, worker, claimed);
      return aftermath;
    } catch (error) {
      this.claims.writeOff(loan);
      throw error;
    }
  }

  #orderFor(loan: Loan): Order {
    return {
      handlers: this.registry.names(),
      capacity: loan.slots,
      lateStart: this.lateStarts.enabled,
      loan,
    };
  }

  /** Whether the others must be told when this process begins to run steps now. */
  get #announces(): boolean {
    return this.dispatcher.running === 0 && this.vigil.wantsNotice;
  }

  #onReady(handlers: Aftermath['ready_handlers']): void {
    const served = handlers.some((handler) => handler !== null && this.registry.has(handler));
    if (served) this.claims.wake();
    const others = handlers.some((handler) => handler !== null && !this.registry.has(handler));
    if (others || this.#leaving.signal.aborted || this.dispatcher.freeCapacity <= 0) {
      notifyEngines(this.database, 'ready').catch(() => {}); // their next round looks for itself
    }
  }

  #onMessage(message: string): void {
    if (message === 'ready') this.claims.wake();
    else if (message === 'wakeups') this.finalizer.drainWakeups();
    else if (message === 'deadlines') this.deadlines.look();
    else if (message === 'changed') this.recovery.settleChanged();
    else if (message === 'busy') {
      this.vigil.lookSharp();
      this.claims.wake(); // whoever begins may have more than it has slots for
    } else if (message === 'revoked') this.recovery.checkClaims().catch(() => {}); // the next round looks again
  }
}

function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
