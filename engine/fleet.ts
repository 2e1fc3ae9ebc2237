// What an embedding program says about mixed fleets: which named tasks run in Treadle and which in the Rails engine.
import { hostname } from 'node:os';
import type { Database } from '../sql/database.ts';
import {
  chooseEngine,
  forgetChoice,
  listFleet,
  type Choice,
  type Chosen,
  type FleetMember,
} from '../sql/fleet.ts';
import type { OperatorOptions } from './operations.ts';

export class Fleet {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * From now on the tasks of this subject run in this engine. Running steps end where they run; the unfinished tasks move in the
   * background, by any engine of the database. @throws TreadleError `invalid_argument`
   * @example await engine.fleet.choose({ subject: 'payments/checkout', engine: 'treadle' }, { by: 'ann' })
   */
  choose(choice: Choice, { by = hostname(), reason }: OperatorOptions = {}): Promise<Chosen> {
    return chooseEngine(this.#database, choice, { by, reason });
  }

  /** Takes a choice back. @throws TreadleError `unlawful_transition` while Rails runs tasks that would come here */
  forget(subject: string): Promise<Chosen> {
    return forgetChoice(this.#database, subject);
  }

  /** Where the tasks of every named task run, and by which rule. */
  list(): Promise<FleetMember[]> {
    return listFleet(this.#database);
  }
}
