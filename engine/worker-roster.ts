// The workers that are connected to this engine. Those that serve the same handlers are one crew: a step goes to the one of
// them that has most room, so that a hundred workers share their work evenly.
import type { Logger } from 'pino';
import type { ConnectedWorker, WorkerLink } from './connected-worker.ts';
import { Crew, roomFor, type Answer } from './crew.ts';
import { RemoteWorker } from './remote-worker.ts';
import type { RunningClaim } from './running-claim.ts';

export interface WorkerRosterOptions {
  readonly log: Logger;
  /** There is room for more steps. */
  readonly onRoom: (crew: Crew) => void;
  /** Other handlers are served than before. */
  readonly onHandlers: () => void;
}

interface Team {
  readonly crew: Crew;
  readonly workers: Set<RemoteWorker>;
}

export class WorkerRoster {
  readonly #options: WorkerRosterOptions;
  readonly #teams = new Map<string, Team>();
  #dismissed: string | undefined;

  constructor(options: WorkerRosterOptions) {
    this.#options = options;
  }

  /** One for each set of handlers that connected workers serve. */
  get crews(): readonly Crew[] {
    return [...this.#teams.values()].map(({ crew }) => crew);
  }

  get size(): number {
    return [...this.#teams.values()].reduce((sum, { workers }) => sum + workers.size, 0);
  }

  connect(link: WorkerLink): ConnectedWorker {
    const handlers = [...new Set(link.handlers)].sort();
    const key = JSON.stringify(handlers);
    const team = this.#teams.get(key) ?? teamOf(handlers);
    const worker = new RemoteWorker({
      link,
      onRoom: () => this.#options.onRoom(team.crew),
      onGone: (gone, why) => this.#left(key, gone, why),
    });
    team.workers.add(worker);
    this.#teams.set(key, team);
    this.#options.log.info(
      { worker: link.name, language: link.language, handlers },
      'a worker has connected',
    );
    this.#options.onHandlers();
    if (this.#dismissed !== undefined) worker.dismiss(this.#dismissed);
    return worker;
  }

  /** The engine stops: all finish what they hold, and get nothing more. */
  dismiss(reason: string): void {
    this.#dismissed = reason;
    for (const { workers } of this.#teams.values()) for (const worker of workers) worker.dismiss(reason);
  }

  #left(key: string, worker: RemoteWorker, why: string): void {
    const team = this.#teams.get(key);
    team?.workers.delete(worker);
    if (team?.workers.size === 0) this.#teams.delete(key);
    this.#options.log.info({ worker: worker.name }, `a worker has gone: ${why}`);
    this.#options.onHandlers();
  }
}

function teamOf(handlers: readonly string[]): Team {
  const workers = new Set<RemoteWorker>();
  const crew = new Crew({
    handlers: () => handlers,
    capacity: ({ running, waiting }) => roomFor(creditsOf(workers), running, waiting),
    begin: (claim) => beginAtOne(workers, claim),
  });
  return { crew, workers };
}

function creditsOf(workers: ReadonlySet<RemoteWorker>): number {
  let credits = 0;
  for (const worker of workers) credits += Math.max(worker.credits, 0);
  return credits;
}

function beginAtOne(workers: ReadonlySet<RemoteWorker>, claim: RunningClaim): Promise<Answer> {
  let idlest: RemoteWorker | undefined;
  for (const worker of workers) if (worker.credits > (idlest?.credits ?? 0)) idlest = worker;
  return idlest ? idlest.begin(claim) : Promise.resolve('released'); // it has left while the step was claimed
}
