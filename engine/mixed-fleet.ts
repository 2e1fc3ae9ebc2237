// The parts of an engine that a mixed fleet needs: what people say about it, the mover of tasks, and the way to the queue of the
// Rails engine, where one was given.
import type { Logger } from 'pino';
import type { Emit } from '../core/events.ts';
import type { Database } from '../sql/database.ts';
import { Fleet } from './fleet.ts';
import { FleetMoves } from './fleet-moves.ts';
import type { EngineOptions } from './options.ts';
import type { QueueAdapter } from './queue/adapter.ts';
import { Handover, TASKS_FOR_RAILS } from './queue/handover.ts';

export interface MixedFleetSurroundings {
  readonly database: Database;
  readonly emit: Emit;
  readonly log: Logger;
  /** Postgres is away. */
  readonly onAway: (error: unknown) => void;
}

export class MixedFleet {
  readonly choices: Fleet;
  /** The queue of the Rails engine, and who hands tasks to it, where one was given. */
  readonly rails: { readonly queue: QueueAdapter; readonly handover: Handover } | undefined;
  readonly #moves: FleetMoves;

  constructor(
    {
      railsQueue: queue,
      sweepSeconds: everySeconds = 30,
    }: Pick<EngineOptions, 'railsQueue' | 'sweepSeconds'>,
    given: MixedFleetSurroundings,
  ) {
    const onDue = (): void => {}; // a worker of Rails takes it from the queue
    this.choices = new Fleet(given.database);
    this.rails = queue && {
      queue,
      handover: new Handover({ ...given, queue, outbox: TASKS_FOR_RAILS, onDue }),
    };
    this.#moves = new FleetMoves({ ...given, everySeconds, onLook: () => this.drain() });
  }

  async install(): Promise<void> {
    await this.rails?.queue.install();
  }

  async start(): Promise<void> {
    await this.rails?.queue.start(() => Promise.resolve()); // its own processes deliver
    this.#moves.start();
  }

  /** Somebody chose an engine. */
  look(): void {
    this.#moves.look();
  }

  /** Tasks wait for Rails. */
  drain(): void {
    this.rails?.handover.drain();
  }

  /** What comes from here on is handed over by others. */
  async leave(): Promise<void> {
    this.rails?.handover.leave();
    await this.rails?.queue.stop();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#moves.stop(), this.rails?.handover.stop()]);
  }
}
