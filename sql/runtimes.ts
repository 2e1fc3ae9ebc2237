// Where handlers run, as the registered templates say it.
import type { Runtime } from '../core/vocabulary.ts';
import type { Executor } from './database.ts';

export interface HandlerRuntime {
  readonly handler: string;
  readonly runtime: Runtime;
  /** The templates that say so, as `namespace/name@version`. */
  readonly templates: readonly string[];
}

/** Only handlers for which some template names a runtime. */
export async function handlerRuntimes(db: Executor): Promise<HandlerRuntime[]> {
  return db.query('select * from treadle.handler_runtimes()');
}
