// The workers that are connected to this engine. Those that offer the same handlers in the same runtime are one crew: a step goes to the one of
// them that has most room, so that a hundred workers share their work evenly.
import type { Logger } from 'pino';
import type { ConnectedWorker, WorkerLink } from './connected-worker.ts';
import { Crew, roomFor, type Answer } from './crew.ts';
import { RemoteWorker } from './remote-worker.ts';
import type { RunningClaim } from './running-claim.ts';
import type { Runtimes } from './runtimes.ts';
import { passedBy, ServedHandlers } from './served-handlers.ts';

export interface WorkerRosterOptions {
  readonly log: Logger;
  readonly runtimes: Pick<Runtimes, 'elsewhere'>;
  /** There is room for more steps. */
  readonly onRoom: (crew: Crew) => void;
  /** Other handlers are served than before. */
  readonly onHandlers: () => void;
}

interface Team {
  readonly served: ServedHandlers;
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

  /** What workers say is wrong with them. */
  get troubles(): readonly string[] {
    const workers = [...this.#teams.values()].flatMap((team) => [...team.workers]);
    return workers.flatMap(({ trouble }) => trouble ?? []);
  }

  connect(link: WorkerLink): ConnectedWorker {
    const { runtimes } = this.#options;
    const { runtime } = link;
    const offered = [...new Set(link.handlers)].sort();
    const key = JSON.stringify([runtime, ...offered]);
    const team = this.#teams.get(key) ?? teamOf(new ServedHandlers({ runtimes, runtime, offered }));
    const worker = new RemoteWorker({
      link,
      served: team.served,
      onRoom: () => this.#options.onRoom(team.crew),
      onGone: (gone, why) => this.#left(key, gone, why),
    });
    team.workers.add(worker);
    this.#teams.set(key, team);
    this.#options.log.info(
      { worker: link.name, language: link.language, handlers: team.served.names },
      'a worker has connected',
    );
    this.#tellPassedBy([worker], team.served.elsewhere);
    this.#options.onHandlers();
    if (this.#dismissed !== undefined) worker.dismiss(this.#dismissed);
    return worker;
  }

  /** Templates have changed where handlers run. */
  renew(): void {
    for (const { served, workers } of this.#teams.values()) this.#tellPassedBy(workers, served.renew());
  }

  /** The engine stops: all finish what they hold, and get nothing more. */
  dismiss(reason: string): void {
    this.#dismissed = reason;
    for (const { workers } of this.#teams.values()) for (const worker of workers) worker.dismiss(reason);
  }

  #tellPassedBy(workers: Iterable<RemoteWorker>, elsewhere: ServedHandlers['elsewhere']): void {
    for (const { name } of workers) {
      const words = passedBy(`the worker ${name}`, elsewhere);
      if (words) this.#options.log.warn({ worker: name }, words);
    }
  }

  #left(key: string, worker: RemoteWorker, why: string): void {
    const team = this.#teams.get(key);
    team?.workers.delete(worker);
    if (team?.workers.size === 0) this.#teams.delete(key);
    this.#options.log.info({ worker: worker.name }, `a worker has gone: ${why}`);
    this.#options.onHandlers();
  }
}

function teamOf(served: ServedHandlers): Team {
  const workers = new Set<RemoteWorker>();
  const crew = new Crew({
    handlers: () => served.names,
    capacity: ({ running, waiting }) => roomFor(creditsOf(workers), running, waiting),
    begin: (claim) => beginAtOne(workers, claim),
  });
  return { served, crew, workers };
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
