// Whether the Postgres server is fit: its version, encoding, clock, durability, connections, and what stands before it.
import type { Database } from '../../sql/database.ts';
import { keepsSessions, serverFacts, type ServerFacts } from '../../sql/diagnosis.ts';
import { fail, ok, warn, type Check } from './check.ts';

const OLDEST = 140_000;
const TOLERATED_MS = 2000;
/** Connections of one engine: its pool, the queue's, the listening one. */
const ENGINE_CONNECTIONS = 16;

export async function serverChecks(database: Database): Promise<Check[]> {
  const askedAt = Date.now();
  const facts = await serverFacts(database);
  const answeredAt = Date.now();
  return [
    version(facts),
    encoding(facts),
    timeZone(facts),
    clock(facts, askedAt, answeredAt),
    durability(facts),
    connections(facts),
    await pooling(database),
  ];
}

function version({ version: text, version_number }: ServerFacts): Check {
  if (version_number >= OLDEST) return ok('version', `Postgres ${text}`);
  return fail('version', `Postgres ${text} is too old`, 'Use Postgres 14 or newer.');
}

function encoding({ encoding: found, database }: ServerFacts): Check {
  if (found === 'UTF8') return ok('encoding', `database ${database} is UTF8`);
  return fail(
    'encoding',
    `database ${database} is ${found}, which cannot hold every text`,
    `Make a database with: create database ${database}_utf8 encoding 'UTF8' template template0.`,
  );
}

function timeZone({ session_time_zone }: ServerFacts): Check {
  if (/^(UTC|Etc\/UTC|GMT)$/i.test(session_time_zone))
    return ok('time zone', 'sessions of Treadle speak UTC');
  return fail(
    'time zone',
    `a session asked for UTC and got ${session_time_zone}`,
    'Something between here and Postgres drops the startup option "-c TimeZone=UTC": connect directly, or set it for the role: alter role ... set timezone to \'UTC\'.',
  );
}

function clock({ server_time }: ServerFacts, askedAt: number, answeredAt: number): Check {
  const off = Math.max(askedAt - server_time.getTime(), server_time.getTime() - answeredAt, 0);
  if (off <= TOLERATED_MS) return ok('clock', 'this machine and Postgres agree on the time');
  return warn(
    'clock',
    `this machine and Postgres differ by ${(off / 1000).toFixed(1)} s`,
    'Only logs of this machine are off, for all decisions are made by the clock of Postgres; synchronise it (NTP).',
  );
}

function durability({ fsync, full_page_writes, synchronous_commit, read_only }: ServerFacts): Check {
  if (read_only)
    return fail(
      'durability',
      'the server takes no writes',
      'Connect to the primary: this is a standby, or read-only by default.',
    );
  if (!fsync || !full_page_writes) {
    const off = [fsync ? '' : 'fsync', full_page_writes ? '' : 'full_page_writes']
      .filter(Boolean)
      .join(' and ');
    return warn(
      'durability',
      `${off} is off: a crash of the machine can destroy the database`,
      'Fine for tests; turn it on where work must not be lost.',
    );
  }
  if (synchronous_commit === 'off') {
    return warn(
      'durability',
      'synchronous_commit is off: a crash can lose the last moments of finished work, which is then done again',
      'Set it to on, unless handlers may run again.',
    );
  }
  return ok('durability', 'fsync and synchronous_commit are on');
}

function connections({ connections: used, max_connections }: ServerFacts): Check {
  const free = max_connections - used;
  if (free >= ENGINE_CONNECTIONS) return ok('connections', `${used} of ${max_connections} are in use`);
  return warn(
    'connections',
    `${used} of ${max_connections} are in use`,
    `An engine takes up to ${ENGINE_CONNECTIONS}: raise max_connections, or put fewer clients on this server.`,
  );
}

/** LISTEN, session locks and prepared statements need a connection that stays. */
async function pooling(database: Database): Promise<Check> {
  const clients = [
    database.dedicatedClient('treadle doctor'),
    database.dedicatedClient('treadle doctor'),
  ] as const;
  for (const client of clients) client.on('error', () => {});
  try {
    await Promise.all(clients.map((client) => client.connect()));
    if (await keepsSessions(...clients)) return ok('pooling', 'connections are sessions of their own');
    return warn(
      'pooling',
      'a pooler hands connections out per transaction: notifications (LISTEN) do not arrive through it',
      'Give Treadle a DATABASE_URL that leads to Postgres itself; without it engines find work by looking every second, and the death of one is noticed when its lease ends (TREADLE_LEASE_SECONDS).',
    );
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
  }
}
