// The worker processes of the demo. The engine leaves some handlers to them: here they are started, started again when
// they die, and ended. Where one cannot be had, an engine of ours runs the TypeScript twins of its handlers instead.
import { setTimeout as pause } from 'node:timers/promises';
import { Engine, type Database } from '../../../index.ts';
import { teams, type Team } from './teams.ts';
import { WorkerProcess } from './worker-process.ts';

const LOOK_MS = 20;
const PATIENCE_MS = 30_000;
const CONCURRENCY = 16;

export interface CrewOptions {
  readonly typeScriptOnly: boolean;
  readonly database: Database;
  readonly databaseUrl: string;
  readonly providerUrl: string;
  readonly signal: AbortSignal;
}

/** Where the engine listens for workers, and the number under which it is known in treadle.workers. */
export interface Workplace {
  readonly address: string;
  readonly engineId: () => number | null;
}

export class Crew {
  readonly #options: CrewOptions;
  /** The looking begins at once, as it takes longer than starting Postgres. */
  readonly #found: readonly (readonly [Team, ReturnType<Team['find']>])[];
  readonly #workers = new Set<WorkerProcess>();
  readonly #twins: Engine[] = [];
  #ending = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    const none = { ok: false, why: 'as --typescript-only says' } as const;
    this.#found = teams.map((team) => [team, options.typeScriptOnly ? Promise.resolve(none) : team.find()]);
  }

  /** Resolves when somebody serves the handlers of every team, with a line about each. */
  async start(workplace: Workplace): Promise<string[]> {
    return Promise.all(
      this.#found.map(async ([team, looking]) => {
        const found = await unlessAborted(this.#options.signal, looking);
        const words = found.ok
          ? await this.#employ(team, found.command, workplace)
          : await this.#takeTwins(team, found.why);
        return `${team.name.padEnd(10)} ${words}`;
      }),
    );
  }

  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all([
      ...[...this.#workers].map((worker) => worker.end()),
      ...this.#twins.map((engine) => engine.stop({ graceSeconds: 3 })),
    ]);
  }

  async #employ(team: Team, command: readonly string[], workplace: Workplace): Promise<string> {
    this.#options.signal.throwIfAborted();
    const { databaseUrl, providerUrl } = this.#options;
    const flags = ['--target', workplace.address, '--concurrency', String(CONCURRENCY), '--name', team.name];
    const worker = new WorkerProcess([...command, ...flags], {
      DATABASE_URL: databaseUrl,
      PAYMENT_PROVIDER_URL: providerUrl,
      PYTHONDONTWRITEBYTECODE: '1',
      no_grpc_proxy: '127.0.0.1', // gRPC in Python and Ruby would ask a proxy for this machine too
    });
    this.#workers.add(worker);
    if (await this.#isServed(team, worker, workplace)) {
      void worker.ended.then(() => this.#replace(team, worker, command, workplace));
      return `in ${team.language}, by process ${worker.pid}`;
    }
    await worker.end();
    this.#workers.delete(worker);
    return this.#takeTwins(team, `its worker did not start: ${worker.lastWords}`);
  }

  /** Steps wait until somebody serves their handlers; what the dead worker held runs again at once. */
  async #replace(
    team: Team,
    dead: WorkerProcess,
    command: readonly string[],
    workplace: Workplace,
  ): Promise<void> {
    this.#workers.delete(dead);
    if (this.#isEnding) return;
    try {
      const words = await this.#employ(team, command, workplace);
      if (!this.#isEnding) console.log(`  the worker ${dead.pid} has died: ${team.name} is ${words}`);
    } catch (error) {
      if (!this.#isEnding) console.error(`demo: ${team.name}: ${String(error)}`);
    }
  }

  get #isEnding(): boolean {
    return this.#ending || this.#options.signal.aborted;
  }

  /** An engine writes into treadle.workers which handlers it serves, with its own workers or by those that have connected. */
  async #isServed(team: Team, worker: WorkerProcess, { engineId }: Workplace): Promise<boolean> {
    const { database, signal } = this.#options;
    const handlers = team.twins.map((twin) => twin.name);
    const giveUp = performance.now() + PATIENCE_MS;
    while (!worker.isOver && performance.now() < giveUp) {
      const rows = await database.query(
        'select from treadle.workers where worker_id = $1 and handlers @> $2::text[]',
        [engineId(), handlers],
      );
      if (rows.length > 0) return true;
      await pause(LOOK_MS, undefined, { signal });
    }
    return false;
  }

  /** Several engines share one database: this one serves the twins and nothing else. */
  async #takeTwins(team: Team, why: string): Promise<string> {
    if (this.#isEnding) return why;
    const engine = new Engine({ database: this.#options.databaseUrl, handlers: team.twins });
    this.#twins.push(engine);
    await engine.start();
    return `in TypeScript: ${why}`;
  }
}

async function unlessAborted<Value>(signal: AbortSignal, promise: Promise<Value>): Promise<Value> {
  signal.throwIfAborted();
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  return Promise.race([promise, aborted]);
}
