// One stream of one worker, from its first message to its end. The session speaks the protocol of worker.proto; the steps
// are the engine's. A stream ends once, and what its worker still holds at that moment is lost then, and runs elsewhere.
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { ConnectedWorker, WorkerLink } from '../../../engine/connected-worker.ts';
import type {
  Outcome,
  Outcomes,
  Register,
  WorkRequest,
  WorkResponse,
} from '../../../proto/gen/treadle/v1/worker.ts';
import type { WorkerAccess } from '../access.ts';
import { answerOf } from './answers.ts';
import { inputTooLarge, progressOf } from './attempt-words.ts';
import { Credits } from './credits.ts';
import { statusOf } from '../errors.ts';
import { HeartbeatWatch } from './heartbeat-watch.ts';
import { invalid, Refusal, unavailable } from '../refusal.ts';
import { checkedRegistration } from './registration.ts';
import { StreamLink, type LinkOwner, type Message } from './worker-link.ts';

/** What a session needs of an engine. */
export interface WorkerEngine {
  connect(link: WorkerLink): ConnectedWorker;
  stats(): { readonly worker_id: number | null };
}

/** What every worker is told, and held to. */
export interface Terms {
  readonly engineVersion: string;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly maxResultBytes: number;
}

export interface WorkerSessionOptions {
  readonly call: ServerDuplexStream<WorkRequest, WorkResponse>;
  readonly engine: WorkerEngine;
  readonly access: WorkerAccess;
  readonly terms: Terms;
  readonly log: Logger;
  readonly onEnd: () => void;
}

/** Longer ones are none of ours, and would come back in refusals. */
const LONGEST_TOKEN = 255;

export class WorkerSession implements LinkOwner {
  readonly #options: WorkerSessionOptions;
  readonly #watch: HeartbeatWatch;
  readonly #credits = new Credits();
  /** Claims of steps that were sent and are not answered. */
  readonly #held = new Set<string>();
  #worker: ConnectedWorker | undefined;
  #dismissed = false;
  #ended = false;

  constructor(options: WorkerSessionOptions) {
    this.#options = options;
    const { call, terms } = options;
    this.#watch = new HeartbeatWatch({
      timeoutMs: terms.heartbeatTimeoutMs,
      onSilence: () => this.#silent(),
    });
    call.on('data', (request: WorkRequest) => this.#hear(request));
    call.on('end', () => this.#halfClosed());
    call.on('cancelled', () => this.#end('its stream broke'));
  }

  get maxMessageBytes(): number {
    return this.#options.terms.maxMessageBytes;
  }

  get log(): Logger {
    return this.#options.log;
  }

  send(message: Message): void {
    if (!this.#ended) this.#options.call.write({ message });
  }

  assigned(claimTokens: readonly string[]): void {
    this.#credits.use(claimTokens.length);
    for (const token of claimTokens) this.#held.add(token);
  }

  unfit(claimToken: string): void {
    this.#worker?.answer(claimToken, { kind: 'outcome', outcome: inputTooLarge(this.maxMessageBytes) });
    this.#worker?.grant(1); // the credit has bought nothing
  }

  withdrawn(claimToken: string): void {
    this.#held.delete(claimToken);
  }

  drained(reason: string): void {
    this.dismiss(reason);
  }

  /** The worker is told to leave, and sent away as soon as all that it held is on disk. */
  dismiss(reason: string): void {
    if (this.#dismissed) return;
    this.#dismissed = true;
    if (!this.#worker) return this.#end(reason, unavailable(reason));
    this.#worker.drain();
    this.send({ $case: 'drain', value: { reason } });
    this.#endWhenIdle(this.#worker, reason, unavailable(reason));
  }

  /** Now, whatever it holds. */
  close(reason: string): void {
    this.#end(reason, unavailable(reason));
  }

  #hear({ message }: WorkRequest): void {
    if (this.#ended) return;
    this.#watch.heard();
    try {
      if (!message) throw invalid('expected a message that this engine knows, came none');
      this.#take(message);
    } catch (error) {
      this.#end(error instanceof Refusal ? error.details : 'the engine could not go on with it', error);
    }
  }

  #take(message: NonNullable<WorkRequest['message']>): void {
    if (message.$case === 'register') return this.#register(message.value);
    const worker = this.#worker;
    if (!worker) throw invalid(`expected register as the first message, came ${message.$case}`);
    switch (message.$case) {
      case 'heartbeat':
        return;
      case 'credits':
        if (message.value.additional === 0) throw invalid('credits: expected at least 1, came 0');
        return this.#grant(worker, message.value.additional);
      case 'outcomes':
        return this.#answers(worker, message.value);
      case 'progress':
        worker.progress(message.value.claim_token, progressOf(message.value));
        return;
      case 'drain':
        return this.#drains(worker);
    }
  }

  /** Steps that were on their way are sent before the answer, which says that none comes after it. */
  #drains(worker: ConnectedWorker): void {
    worker.drain();
    setImmediate(() => {
      if (!this.#dismissed) this.send({ $case: 'drain', value: { reason: 'as the worker asked' } });
    });
  }

  #register(given: Register): void {
    if (this.#worker) throw invalid('expected register only once');
    const { engine, access, terms } = this.#options;
    const register = checkedRegistration(given, access);
    const worker = engine.connect(new StreamLink(register, this));
    if (this.#ended) return worker.lost('the engine stops'); // as connect has told us
    this.#worker = worker;
    this.log.debug({ ...register, handlers: undefined, token: access.name }, 'a worker has registered');
    this.send({
      $case: 'registered',
      value: {
        engine_id: engine.stats().worker_id ?? 0,
        engine_version: terms.engineVersion,
        heartbeat_interval_ms: terms.heartbeatIntervalMs,
        heartbeat_timeout_ms: terms.heartbeatTimeoutMs,
        max_message_bytes: terms.maxMessageBytes,
        max_result_bytes: terms.maxResultBytes,
        elsewhere: worker.elsewhere.map(({ handler, runtime }) => ({ handler, runtime })),
      },
    });
  }

  #grant(worker: ConnectedWorker, additional: number): void {
    this.#credits.grant(additional);
    worker.grant(additional);
  }

  #answers(worker: ConnectedWorker, { outcomes, additional_credits }: Outcomes): void {
    if (outcomes.length === 0) throw invalid('outcomes: expected at least one');
    const refused = outcomes.filter((outcome) => !this.#counts(worker, outcome));
    if (refused.length > 0) {
      const claim_tokens = refused.map(({ claim_token }) => claim_token);
      this.send({ $case: 'refusals', value: { claim_tokens } });
    }
    if (additional_credits > 0) this.#grant(worker, additional_credits);
  }

  /** False: no step of this worker is open under that token. */
  #counts(worker: ConnectedWorker, outcome: Outcome): boolean {
    const { claim_token } = outcome;
    if (claim_token.length > LONGEST_TOKEN)
      throw invalid('outcomes: expected a claim token of an assignment');
    const answer = answerOf(outcome, this.#options.terms.maxResultBytes);
    if (!answer) throw invalid('outcomes: expected what the attempt ended in, came nothing');
    this.#held.delete(claim_token);
    return worker.answer(claim_token, answer);
  }

  #silent(): void {
    const words = `nothing was heard for ${this.#options.terms.heartbeatTimeoutMs} ms`;
    this.#end(words, new Refusal(status.DEADLINE_EXCEEDED, words));
  }

  /** It has said its last word. A connection that breaks looks so too, and says a moment later that it broke. */
  #halfClosed(): void {
    setImmediate(() => {
      if (this.#ended) return;
      this.#watch.stop();
      const worker = this.#worker;
      if (!worker)
        return this.#end('it left', invalid('expected register as the first message, came the end'));
      if (this.#held.size > 0) {
        const words = `it closed its half of the stream while it held ${this.#held.size} steps`;
        return this.#end(words, invalid(words));
      }
      worker.drain();
      this.#endWhenIdle(worker, 'it has left');
    });
  }

  #endWhenIdle(worker: ConnectedWorker, why: string, error?: Refusal): void {
    worker.idle().then(
      () => this.#end(why, error),
      (failure: unknown) => this.#end(why, failure),
    );
  }

  /** Once. Without an error the stream ends with OK. */
  #end(why: string, error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watch.stop();
    const { call, log, onEnd } = this.#options;
    if (this.#worker) this.#worker.lost(why);
    else log.info({ peer: call.getPeer() }, `a worker was turned away: ${why}`); // of the others the engine speaks
    if (error !== undefined && !call.cancelled) call.emit('error', statusOf(error, log));
    else if (!call.cancelled) call.end();
    onEnd();
  }
}
