// What a handler sees of the steps before its own: the results of its direct parents, which came with the claim.
import { TreadleError } from '../core/errors.ts';

/** Results of the direct parents of a step, by step name. */
export class Sequence<Needs extends object> {
  readonly #results: Readonly<Record<string, unknown>>;

  constructor(results: Readonly<Record<string, unknown>>) {
    this.#results = results;
  }

  /**
   * The results of the parent called `name`.
   * @throws TreadleError `unknown_step` when the step does not depend directly on such a step.
   */
  result<Name extends keyof Needs & string>(name: Name): Needs[Name] {
    if (!Object.hasOwn(this.#results, name)) {
      const names = this.names();
      const existing =
        names.length === 0 ? 'this step has no parents' : `the parents are ${names.join(', ')}`;
      throw new TreadleError(
        'unknown_step',
        `expected the name of a direct parent, got "${name}": ${existing}`,
        {
          details: { name, parents: names },
        },
      );
    }
    return this.#results[name] as Needs[Name];
  }

  /** Names of the direct parents. */
  names(): string[] {
    return Object.keys(this.#results);
  }
}
