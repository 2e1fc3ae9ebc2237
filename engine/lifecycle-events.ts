// The lifecycle events of one engine, and what running steps say of themselves, on their way to whoever listens. A listener that throws is logged and harms nobody.
import { EventEmitter } from 'node:events';
import type { Logger } from 'pino';
import type { EventName, EventPayloads } from '../core/events.ts';
import type { StepProgress } from './running-claim.ts';

export class LifecycleEvents {
  readonly #emitter = new EventEmitter();
  readonly #log: Logger;
  readonly #progress = new Set<(progress: StepProgress) => void>();

  constructor(log: Logger) {
    this.#log = log;
    this.#emitter.setMaxListeners(0); // every waiting program is a listener
  }

  /** Whether a payload is worth making. */
  isHeard(event: EventName): boolean {
    return this.#emitter.listenerCount(event) > 0;
  }

  publish<Name extends EventName>(event: Name, payload: EventPayloads[Name]): void {
    for (const listener of this.#emitter.listeners(event)) {
      try {
        listener(payload);
      } catch (error) {
        this.#log.error({ err: error, event }, 'a listener of lifecycle events failed');
      }
    }
  }

  progressed(progress: StepProgress): void {
    for (const listener of this.#progress) {
      try {
        listener(progress);
      } catch (error) {
        this.#log.error({ err: error }, 'a listener of progress failed');
      }
    }
  }

  /** Returns the way out. */
  onProgress(listener: (progress: StepProgress) => void): () => void {
    this.#progress.add(listener);
    return () => this.#progress.delete(listener);
  }

  /** Returns the way out. */
  on<Name extends EventName>(event: Name, listener: (payload: EventPayloads[Name]) => void): () => void {
    this.#emitter.on(event, listener);
    return () => this.#emitter.off(event, listener);
  }
}
