// The worker service: a session for each stream that a worker opens.
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import {
  WorkerServiceService,
  WorkRequest,
  type WorkerServiceServer,
  type WorkResponse,
} from '../../../proto/gen/treadle/v1/worker.ts';
import type { Access, WorkerAccess } from '../access.ts';
import { statusOf } from '../errors.ts';
import { Refusal, unavailable } from '../refusal.ts';
import { WorkerSession, type Terms, type WorkerEngine } from './worker-session.ts';

type Call = ServerDuplexStream<WorkRequest, WorkResponse>;

export interface WorkerServiceOptions {
  readonly engine: WorkerEngine;
  readonly access: Access;
  readonly terms: Terms;
  readonly log: Logger;
}

/** The service as generated, save that bytes which are no message reach the session, which says INVALID_ARGUMENT. */
export const WORKER_SERVICE = {
  ...WorkerServiceService,
  work: { ...WorkerServiceService.work, requestDeserialize: decoded },
};

function decoded(bytes: Buffer): WorkRequest {
  try {
    return WorkRequest.decode(bytes);
  } catch {
    return { message: undefined };
  }
}

export class WorkerService {
  readonly implementation: WorkerServiceServer = { work: (call) => this.#open(call) };
  readonly #options: WorkerServiceOptions;
  readonly #sessions = new Set<WorkerSession>();
  #closed: string | undefined;
  #idlers: (() => void)[] = [];

  constructor(options: WorkerServiceOptions) {
    this.#options = options;
  }

  /** Nobody is let in any more, and all are asked to leave. Resolves when they have left; `close` makes them. */
  async dismiss(reason: string): Promise<void> {
    this.refuse(reason);
    for (const session of this.#sessions) session.dismiss(reason);
    if (this.#sessions.size > 0) await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  /** Nobody is let in any more; who is in stays. */
  refuse(reason: string): void {
    this.#closed ??= reason;
  }

  /** Whoever is still there is cut off: what they hold is lost. */
  close(reason: string): void {
    for (const session of this.#sessions) session.close(reason);
  }

  #open(call: Call): void {
    const { log } = this.#options;
    try {
      if (this.#closed !== undefined) throw unavailable(this.#closed);
      this.#begin(call, this.#options.access.worker(call.metadata));
    } catch (error) {
      const why = error instanceof Refusal ? error.details : 'the engine could not take it';
      log.info({ peer: call.getPeer() }, `a worker was turned away: ${why}`);
      call.emit('error', statusOf(error, log));
    }
  }

  #begin(call: Call, access: WorkerAccess): void {
    const { engine, terms, log } = this.#options;
    const session = new WorkerSession({
      call,
      engine,
      access,
      terms,
      log,
      onEnd: () => this.#ended(session),
    });
    this.#sessions.add(session);
  }

  #ended(session: WorkerSession): void {
    this.#sessions.delete(session);
    if (this.#sessions.size > 0) return;
    for (const resolve of this.#idlers.splice(0)) resolve();
  }
}
