// Postgres is away, for every loop of the engine at once: said once, probed by one prober with growing pauses, over for all
// of them in the same moment. A single broken connection is no outage and is not worth a word.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { TreadleError } from '../core/errors.ts';
import type { Executor } from '../sql/database.ts';
import { acceptsWrites } from '../sql/listen.ts';

const FIRST_PAUSE_MS = 50;
/** Short: after a restart the living have three seconds to show that they live. */
const LONGEST_PAUSE_MS = 1000;

export interface OutageOptions {
  readonly database: Executor;
  readonly log: Logger;
  /** Postgres answers again: whatever was missed can be looked for. `wasAway` is false when one connection broke. */
  readonly onBack: (wasAway: boolean) => void;
}

export function isAway(error: unknown): boolean {
  return error instanceof TreadleError && error.code === 'database_unavailable';
}

export class Outage {
  readonly #options: OutageOptions;
  readonly #end = new AbortController();
  #current: Promise<void> | undefined;
  #announced = false;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** Whether Postgres has been found to be away. */
  get lasts(): boolean {
    return this.#announced;
  }

  /** A statement failed with this: resolves when Postgres takes statements again, or when this or the engine is aborted. */
  async over(cause: unknown, signal?: AbortSignal): Promise<void> {
    this.noticed(cause);
    if (!signal) return this.#current;
    if (signal.aborted) return;
    const { promise, resolve } = deferred();
    signal.addEventListener('abort', resolve, { once: true });
    await Promise.race([this.#current, promise]);
    signal.removeEventListener('abort', resolve);
  }

  /** A statement failed with this. */
  noticed(cause: unknown): void {
    this.#current ??= this.#probe(cause).finally(() => {
      this.#current = undefined;
      this.#announced = false;
    });
  }

  /** Whoever waits goes on at once, whether Postgres is back or not. */
  stop(): void {
    this.#end.abort();
  }

  async #probe(cause: unknown): Promise<void> {
    const { log, onBack } = this.#options;
    const began = performance.now();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      await this.#pause(pauseMs);
      if (this.#end.signal.aborted) return;
      if (await this.#answers()) break;
      if (!this.#announced) log.warn(`${messageOf(cause)}; waiting for it`);
      this.#announced = true;
    }
    if (this.#announced) {
      log.warn(`Postgres is back after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    }
    onBack(this.#announced);
  }

  async #answers(): Promise<boolean> {
    try {
      return await acceptsWrites(this.#options.database);
    } catch {
      return false;
    }
  }

  /** Between half of it and all of it: engines that lost Postgres together must not come back in step. */
  async #pause(ms: number): Promise<void> {
    await sleep(ms * (0.5 + Math.random() / 2), undefined, { signal: this.#end.signal }).catch(() => {});
  }
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.startsWith('Postgres is away') ? message : `Postgres is away: ${message}`;
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
