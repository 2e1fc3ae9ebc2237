// Counts the statements that this process sends to Postgres, whichever library sends them: each query of the driver is one,
// begin and commit included.
import pg from 'pg';

export interface StatementCounter {
  /** How often, by who asks: the function of ours, the table of graphile-worker's, else the first words. */
  readonly counts: Readonly<Record<string, number>>;
  readonly total: () => number;
  /** Whether one of those that were counted has not been answered yet. */
  readonly waiting: () => boolean;
  readonly stop: () => void;
}

type Client = pg.Client & {
  readonly readyForQuery: boolean;
  readonly connectionParameters: { readonly application_name: string };
};

/** Until it is stopped. `except`: not those of connections with this name. */
export function countStatements(except?: string): StatementCounter {
  const counts: Record<string, number> = {};
  const clients = new Set<Client>();
  const { prototype } = pg.Client;
  // oxlint-disable-next-line typescript/unbound-method -- it is called on the client that it was called on
  const query = prototype.query as (...args: unknown[]) => unknown;
  const counting = function counting(this: Client, ...args: unknown[]): unknown {
    if (this.connectionParameters.application_name !== except) {
      const name = nameOf(args[0]);
      counts[name] = (counts[name] ?? 0) + 1;
      clients.add(this);
    }
    return query.apply(this, args);
  };
  prototype.query = counting as typeof prototype.query;
  return {
    counts,
    total: () => Object.values(counts).reduce((sum, times) => sum + times, 0),
    waiting: () => [...clients].some((client) => !client.readyForQuery),
    stop: () => {
      prototype.query = query as typeof prototype.query;
    },
  };
}

function nameOf(query: unknown): string {
  const text = typeof query === 'string' ? query : ((query as { text?: string } | undefined)?.text ?? '');
  const [known] = /treadle\.\w+|"?graphile_worker"?\.\w+/.exec(text) ?? [];
  return known?.replaceAll('"', '') ?? text.trim().split(/\s+/).slice(0, 4).join(' ');
}
