// A worker process in another language, as the engine and a binding (gRPC) see each other. The engine assigns steps and
// keeps all state; the binding carries words. What a worker holds when it is lost fails with `worker_lost` and runs again.
import type { Outcome } from '../core/outcome.ts';
import type { Runtime } from '../core/vocabulary.ts';
import type { AttemptProgress } from '../handlers/step-view.ts';
import type { ClaimedStep } from '../sql/delivery.ts';
import type { HandlerRuntime } from '../sql/runtimes.ts';

/** A step on its way to a worker. */
export interface Assignment {
  readonly step: ClaimedStep;
  /** Milliseconds that the attempt may take; the engine keeps the time. Undefined: as long as it likes. */
  readonly timeout_ms: number | undefined;
}

/** Why an attempt should stop. Its answer counts only after `engine_stopping`. */
export type StopCause = 'timed_out' | 'revoked' | 'engine_stopping';

/** How the engine reaches a worker: what the binding brings. None of it may throw. */
export interface WorkerLink {
  /** For people and logs. */
  readonly name: string;
  readonly language: string;
  /** What it is to templates that say where a handler runs. */
  readonly runtime: Exclude<Runtime, 'typescript'>;
  /** At least one. */
  readonly handlers: readonly string[];
  assign(assignments: readonly Assignment[]): void;
  cancel(claimToken: string, cause: StopCause, message: string): void;
  /** The engine stops: nothing more is assigned. */
  drain(reason: string): void;
  /** What is wrong with it, for health checks; it works on all the same. */
  trouble?(): string | undefined;
}

/** What an attempt in a worker ended in. */
export type WorkerAnswer =
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  /** Its handler has completed the step in its own transaction, with treadle.complete_step. */
  | { readonly kind: 'completed_in_transaction' }
  /** It never began. */
  | { readonly kind: 'released' };

/** What the binding tells the engine of a worker. */
export interface ConnectedWorker {
  /** Of its handlers those whose steps it does not get, because templates say another runtime. */
  readonly elsewhere: readonly HandlerRuntime[];
  /** It can take so many steps more. */
  grant(credits: number): void;
  /** False: it holds no such claim, or no longer; nothing happens. */
  answer(claimToken: string, answer: WorkerAnswer): boolean;
  /** False: it holds no such claim. */
  progress(claimToken: string, progress: AttemptProgress): boolean;
  /** It takes nothing more; what it holds it still answers. */
  drain(): void;
  /** Resolves when nothing that it held is left, and all of it is on disk. */
  idle(): Promise<void>;
  /** It is gone: what it holds is lost and runs again. `why` for people. */
  lost(why: string): void;
}
