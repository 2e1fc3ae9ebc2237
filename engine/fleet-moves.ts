// Moves unfinished tasks to the engine that was chosen for them, a page at a time, until nothing is left to move. Every engine does, and
// each takes what no other has in its hands; told by a notification, and by a look of its own now and then.
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from '../sql/database.ts';
import { moveTasks } from '../sql/fleet.ts';
import { isAway } from './outage.ts';

const TASKS_AT_ONCE = 200;

/** Between looks at tasks whose running steps have not ended: longer and longer. */
const SHORTEST_REST_MS = 50;
const LONGEST_REST_MS = 2000;

export interface FleetMovesOptions {
  readonly database: Database;
  readonly log: Logger;
  /** Seconds between two looks when nothing was heard. */
  readonly everySeconds: number;
  /** Also asked now and then: whether tasks wait for Rails. */
  readonly onLook: () => void;
  /** Postgres is away. */
  readonly onAway: (error: unknown) => void;
}

export class FleetMoves {
  readonly #options: FleetMovesOptions;
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(options: FleetMovesOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), this.#options.everySeconds * 1000);
    this.look();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped.abort();
    await this.#running;
  }

  /** Somebody chose an engine. One round at a time; a call during a round makes it look again. */
  look(): void {
    if (this.#stopped.signal.aborted) return;
    this.#options.onLook();
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    const { log, onAway } = this.#options;
    while (this.#again && !this.#stopped.signal.aborted) {
      this.#again = false;
      try {
        await this.#moveAll();
      } catch (error) {
        if (isAway(error)) onAway(error);
        else log.warn({ err: error }, 'tasks could not be moved to the engine that was chosen; trying again');
      }
    }
  }

  async #moveAll(): Promise<void> {
    let moved = 0;
    let restMs = SHORTEST_REST_MS;
    while (!this.#stopped.signal.aborted) {
      const page = await moveTasks(this.#options.database, TASKS_AT_ONCE);
      if (page === undefined) break;
      moved += page.moved;
      restMs = page.moved > 0 ? SHORTEST_REST_MS : Math.min(restMs * 1.5, LONGEST_REST_MS);
      if (page.moved === 0 || !page.more) await this.#rest(restMs);
    }
    if (moved > 0)
      this.#options.log.info({ tasks: moved }, 'moved tasks to the engine that was chosen for them');
  }

  async #rest(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopped.signal }).catch(() => {});
  }
}
