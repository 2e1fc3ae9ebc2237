// Where handlers run, as templates say it (`runtime` of a step): what this process knows of that, and what it serves because of
// it. Read when the engine starts and when somebody has registered a template; claims only ever ask for handlers that may be
// served here, so nothing asks again for each step.
import type { Logger } from 'pino';
import { TreadleError } from '../core/errors.ts';
import type { Runtime } from '../core/vocabulary.ts';
import type { Executor } from '../sql/database.ts';
import { handlerRuntimes, type HandlerRuntime } from '../sql/runtimes.ts';
import type { EngineOptions } from './options.ts';
import { isAway } from './outage.ts';

export interface RuntimesOptions {
  readonly database: Executor;
  readonly log: Logger;
  /** Other handlers may be served than before. */
  readonly onChange: () => void;
  /** Whether this engine hears of templates that others register. */
  readonly hears: () => boolean;
  /** Postgres is away. */
  readonly onAway: (error: unknown) => void;
}

export class Runtimes {
  readonly #options: RuntimesOptions;
  readonly #everySeconds: number;
  #said: ReadonlyMap<string, HandlerRuntime> = new Map();
  #known = '[]';
  #timer: NodeJS.Timeout | undefined;
  #loading: Promise<void> = Promise.resolve();

  /** While it does not hear, it looks as often as the sweep does. */
  constructor({ sweepSeconds = 30 }: Pick<EngineOptions, 'sweepSeconds'>, options: RuntimesOptions) {
    this.#everySeconds = sweepSeconds;
    this.#options = options;
  }

  /** What templates say of a handler when that is another runtime than this one. */
  elsewhere(handler: string, runtime: Runtime): HandlerRuntime | undefined {
    const said = this.#said.get(handler);
    return said === undefined || said.runtime === runtime ? undefined : said;
  }

  start(): void {
    const { hears } = this.#options;
    this.#timer = setInterval(() => {
      if (!hears()) void this.look();
    }, this.#everySeconds * 1000);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#loading;
  }

  /** Somebody has registered a template, or may have. Never rejects. */
  look(): Promise<void> {
    const { log, onAway } = this.#options;
    return this.load().catch((error: unknown) => {
      if (isAway(error))
        onAway(error); // the connection that comes back looks again
      else
        log.warn({ err: error }, 'where handlers run could not be read; trying again with the next template');
    });
  }

  /** One after the other, so that an older answer never replaces a newer one. */
  load(): Promise<void> {
    const loaded = this.#loading.then(() => this.#load());
    this.#loading = loaded.catch(() => {});
    return loaded;
  }

  async #load(): Promise<void> {
    const rows = await handlerRuntimes(this.#options.database);
    const known = JSON.stringify(rows);
    if (known === this.#known) return;
    this.#known = known;
    this.#said = new Map(rows.map((row) => [row.handler, row]));
    this.#options.onChange();
  }
}

/** Throws `invalid_template` when templates send one of these handlers to two places; both are named. */
export async function assertOneRuntimeEach(tx: Executor, handlers: ReadonlySet<string>): Promise<void> {
  const first = new Map<string, HandlerRuntime>();
  const rows = handlers.size > 0 ? await handlerRuntimes(tx) : [];
  for (const row of rows.filter(({ handler }) => handlers.has(handler))) {
    const other = first.get(row.handler);
    if (other) throw contradiction(other, row);
    first.set(row.handler, row);
  }
}

function contradiction(one: HandlerRuntime, other: HandlerRuntime): TreadleError {
  const says = ({ runtime, templates }: HandlerRuntime): string => `${runtime} (${templates.join(', ')})`;
  return new TreadleError(
    'invalid_template',
    `expected one runtime for the handler ${one.handler} in all templates, came ${says(one)} and ${says(other)}: ` +
      'change it in all of them together, or leave it out in some',
    { details: { handler: one.handler, runtimes: [one, other] } },
  );
}
