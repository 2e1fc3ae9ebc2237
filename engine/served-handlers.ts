// The handlers that one place of an engine serves: of those that it offers the ones that templates do not send elsewhere.
import type { Runtime } from '../core/vocabulary.ts';
import type { HandlerRuntime } from '../sql/runtimes.ts';
import type { Runtimes } from './runtimes.ts';

/** In one line of a log. */
const MOST_NAMED = 10;

export interface ServedHandlersOptions {
  readonly runtimes: Pick<Runtimes, 'elsewhere'>;
  /** What this place is. */
  readonly runtime: Runtime;
  readonly offered: readonly string[];
}

export class ServedHandlers {
  readonly #options: ServedHandlersOptions;
  #names: readonly string[] = [];
  #elsewhere: readonly HandlerRuntime[] = [];

  constructor(options: ServedHandlersOptions) {
    this.#options = options;
    this.renew();
  }

  get names(): readonly string[] {
    return this.#names;
  }

  /** Offered, and not served, because it must run elsewhere. */
  get elsewhere(): readonly HandlerRuntime[] {
    return this.#elsewhere;
  }

  /** Templates have changed. Answers with what has gone elsewhere since the last time. */
  renew(): readonly HandlerRuntime[] {
    const { runtimes, runtime, offered } = this.#options;
    const before = new Map(this.#elsewhere.map((one) => [one.handler, one.runtime]));
    this.#elsewhere = offered.flatMap((handler) => runtimes.elsewhere(handler, runtime) ?? []);
    const others = new Set(this.#elsewhere.map(({ handler }) => handler));
    this.#names = offered.filter((handler) => !others.has(handler));
    return this.#elsewhere.filter((one) => before.get(one.handler) !== one.runtime);
  }
}

/** The line in a log. `who`: whom the steps pass by. Empty where there is nothing to say. */
export function passedBy(who: string, elsewhere: readonly HandlerRuntime[]): string {
  if (elsewhere.length === 0) return '';
  const named = elsewhere.slice(0, MOST_NAMED).map(({ handler, runtime, templates }) => {
    return `${handler} to ${runtime} (${templates.slice(0, 2).join(', ')})`;
  });
  const more = elsewhere.length > named.length ? ` and ${elsewhere.length - named.length} more` : '';
  return `templates send handlers past ${who}: ${named.join(', ')}${more}`;
}
