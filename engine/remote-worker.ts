// One connected worker: the steps that it holds, the credits that it has granted, and what becomes of both when it answers,
// falls silent or goes away. The engine keeps the time of every attempt; a late answer changes nothing.
import type { FailedOutcome, Outcome } from '../core/outcome.ts';
import { withinDeadline } from '../handlers/deadline.ts';
import { failedOutcome } from '../handlers/failure.ts';
import type { AttemptProgress } from '../handlers/step-view.ts';
import type { Assignment, ConnectedWorker, WorkerAnswer, WorkerLink } from './connected-worker.ts';
import type { Answer } from './crew.ts';
import type { RunningClaim } from './running-claim.ts';
import type { ServedHandlers } from './served-handlers.ts';

export interface RemoteWorkerOptions {
  readonly link: WorkerLink;
  readonly served: Pick<ServedHandlers, 'elsewhere'>;
  /** It can take more steps than before. */
  readonly onRoom: () => void;
  readonly onGone: (worker: RemoteWorker, why: string) => void;
}

/** A step in the hands of the worker. */
interface Held {
  readonly claim: RunningClaim;
  readonly resolve: (answer: Answer) => void;
}

export class RemoteWorker implements ConnectedWorker {
  readonly #options: RemoteWorkerOptions;
  readonly #held = new Map<string, Held>();
  #credits = 0;
  #assignments: Assignment[] = [];
  #draining = false;
  #gone = false;
  /** Steps whose outcome is not yet on disk. */
  #open = 0;
  #idlers: (() => void)[] = [];

  constructor(options: RemoteWorkerOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.link.name;
  }

  get elsewhere(): ConnectedWorker['elsewhere'] {
    return this.#options.served.elsewhere;
  }

  get trouble(): string | undefined {
    return this.#options.link.trouble?.();
  }

  /** Steps that it could take now. */
  get credits(): number {
    return this.#draining ? 0 : this.#credits;
  }

  /** Runs a step there; uses a credit. */
  async begin(claim: RunningClaim): Promise<Answer> {
    this.#credits -= 1;
    this.#open += 1;
    claim.onEnd = () => this.#closed();
    announceStart(claim);
    const startedAt = performance.now();
    let answer: Answer;
    try {
      const deadline = { timeoutMs: claim.timeout_ms, onTimeout: this.#timesOut(claim), onLate: () => {} };
      answer = await withinDeadline(deadline, () => this.#assign(claim));
    } catch (thrown) {
      answer = failedOutcome(thrown);
    }
    announceEnd(claim, answer, startedAt);
    return answer;
  }

  grant(credits: number): void {
    this.#credits += credits;
    this.#options.onRoom(); // outcomes that brought the credits come first: their recording fills the slots
  }

  answer(claimToken: string, answer: WorkerAnswer): boolean {
    const held = this.#held.get(claimToken);
    if (!held) return false;
    this.#held.delete(claimToken);
    held.resolve(answer.kind === 'outcome' ? answer.outcome : answer.kind);
    return true;
  }

  progress(claimToken: string, progress: AttemptProgress): boolean {
    const held = this.#held.get(claimToken);
    if (!held) return false;
    held.claim.progress(progress);
    return true;
  }

  drain(): void {
    this.#draining = true;
  }

  async idle(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  lost(why: string): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#draining = true;
    const held = [...this.#held.values()];
    this.#held.clear();
    for (const { resolve } of held) resolve(lostWith(this.name, why));
    this.#options.onGone(this, why);
  }

  /** The engine stops. */
  dismiss(reason: string): void {
    this.#draining = true;
    this.#options.link.drain(reason);
  }

  #assign(claim: RunningClaim): Promise<Answer> {
    if (this.#gone) return Promise.resolve('released');
    const { claimed } = claim;
    claim.onHalt = (cause, reason) => {
      if (!this.#held.has(claimed.claim_token)) return;
      if (cause !== 'engine_stopping') this.#held.delete(claimed.claim_token); // nobody waits for its answer
      this.#options.link.cancel(claimed.claim_token, cause, reason.message);
    };
    if (this.#assignments.length === 0) queueMicrotask(() => this.#sendAssignments());
    this.#assignments.push({ step: claimed, timeout_ms: claim.timeout_ms });
    return new Promise((resolve) => {
      this.#held.set(claimed.claim_token, { claim, resolve });
    });
  }

  /** All that were dispatched together go together. */
  #sendAssignments(): void {
    const assignments = this.#assignments;
    this.#assignments = [];
    if (!this.#gone) this.#options.link.assign(assignments);
  }

  #timesOut(claim: RunningClaim): (reason: Error) => void {
    return (reason) => claim.halt('timed_out', reason);
  }

  #closed(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    for (const resolve of this.#idlers.splice(0)) resolve();
  }
}

/** What becomes of a step whose worker is gone: another attempt, at once. */
function lostWith(worker: string, why: string): FailedOutcome {
  return {
    kind: 'error',
    code: 'worker_lost',
    permanent: false,
    error: `the worker ${worker} was lost: ${why}`,
    error_class: 'Treadle::WorkerLost',
    backtrace: '',
    retry_after_seconds: 0,
  };
}

function announceStart(claim: RunningClaim): void {
  if (claim.isHeard('step.before_handle')) claim.emit('step.before_handle', factsOf(claim));
}

function announceEnd(claim: RunningClaim, answer: Answer, startedAt: number): void {
  if (answer === 'released' || !claim.isHeard('step.handle')) return;
  const outcome: Pick<Outcome, 'kind'> = answer === 'completed_in_transaction' ? COMPLETE : answer;
  claim.emit('step.handle', {
    ...factsOf(claim),
    kind: outcome.kind,
    ...('code' in outcome ? { code: (outcome as FailedOutcome).code } : {}),
    execution_duration: (performance.now() - startedAt) / 1000,
  });
}

const COMPLETE = { kind: 'complete' } as const;

function factsOf({ claimed }: RunningClaim) {
  const { task_id, workflow_step_id, step_name, handler, attempt, retry_limit } = claimed;
  return { task_id, workflow_step_id, step_name, handler, attempt, retry_limit };
}
