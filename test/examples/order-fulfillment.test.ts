// The demo as a person runs it: a child process on a database of its own, its workers in Python and Ruby, its words, its
// exit status, and the rows and files it leaves. One test breaks what the demo has checked, to see that the checks would
// have noticed.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runChecks } from '../../examples/order-fulfillment/checks.ts';
import { Files } from '../../examples/order-fulfillment/files.ts';
import { Ledger } from '../../examples/order-fulfillment/payments/ledger.ts';
import { createShopTables, stockShelves } from '../../examples/order-fulfillment/shop/open-shop.ts';
import { reserveStock, shipReserved } from '../../examples/order-fulfillment/shop/stock.ts';
import { python, ruby } from '../../scripts/toolchains.ts';
import { reasonToSkip } from '../parity/foreign-suite.ts';
import { testDatabase } from '../support/postgres.ts';

/** Made here once, so that no demo says that it makes them. */
const noPython = reasonToSkip(await python({ install: 'packages' }));
const noRuby = reasonToSkip(await ruby({ install: 'packages' }));
const DEMO = resolve('examples/order-fulfillment/demo.ts');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `ended` resolves when all have gone that hold its output, which its workers do. */
function startDemo(
  url: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--import', 'tsx', DEMO, ...args], {
    env: { ...process.env, DATABASE_URL: url, NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }));
  return { child, ended };
}

function runDemo(url: string, args: readonly string[], environment?: NodeJS.ProcessEnv): Promise<Ended> {
  return startDemo(url, args, environment).ended;
}

/** Calls once, when the demo has said something that matches. */
function whenSaid(child: ChildProcess, pattern: RegExp, act: (said: string) => void): void {
  let said = '';
  const hear = (chunk: Buffer): void => {
    said += chunk.toString();
    if (!pattern.test(said)) return;
    child.stdout?.off('data', hear);
    act(said);
  };
  child.stdout?.on('data', hear);
}

/** The number of the process in which the demo runs the handlers of a team. */
function workerOf(team: string, said: string): number {
  return Number(new RegExp(`^ {2}${team} .* by process (\\d+)$`, 'm').exec(said)?.[1]);
}

/** Who has done it, as the provider and the shop have written it down: a row of the table of programs. */
function programs(stdout: string): string[] {
  return [...stdout.matchAll(/^│ (\w+)\/[\d.]+ +│ +\d+ │ (requests|shipments)/gm)].map(
    ([, program, what]) => `${program}: ${what}`,
  );
}

/** The count that a table of the demo gives for `label`. */
function countOf(stdout: string, label: string): number {
  return Number(new RegExp(`│ ${label} +│ +(\\d+) │`).exec(stdout)?.[1]);
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'treadle demo '));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe('sixty orders of the file', () => {
  const shop = testDatabase();
  const out = temporaryFolder();
  let demo: Ended;
  beforeAll(async () => {
    demo = await runDemo(shop.url, ['--count', '60', '--out', out]);
  });

  /** What the checks of the demo look at, read again. */
  async function evidence() {
    const [row] = await shop.database.query<{ run: string }>('select distinct run from shop.orders');
    const ledger = new Ledger(join(out, 'payment-provider', 'ledger.jsonl'));
    return { database: shop.database, run: row?.run ?? '', files: new Files(out), ledger };
  }

  test('end well, and every check holds', () => {
    expect(demo).toMatchObject({ code: 0, stderr: '' });
    expect(demo.stdout.match(/^ {2}ok {4}/gm)).toHaveLength(11);
    expect(demo.stdout).toContain('Nothing lost, nothing done twice.');
  });

  test.skipIf(noPython)('are paid in Python', () => {
    expect(programs(demo.stdout)).toContain('Python: requests');
    expect(programs(demo.stdout)).not.toContain('Node: requests');
  });

  test.skipIf(noRuby)('are shipped in Ruby, in the transactions that complete the steps', async () => {
    const senders = await shop.database.query<{ program: string }>(
      `select distinct split_part(shipped_by, '/', 1) as program from shop.shipments`,
    );
    expect(senders).toEqual([{ program: 'Ruby' }]);
    expect(programs(demo.stdout)).toContain('Ruby: shipments');
  });

  test('are counted as the tables say', async () => {
    const rows = await shop.database.query<{ state: string; count: number }>(
      'select state, count(*)::integer as count from shop.orders group by state order by state',
    );
    const complete = countOf(demo.stdout, 'complete');
    expect(rows).toEqual([
      { state: 'closed', count: complete },
      { state: 'failed', count: 57 - complete },
    ]);
    expect(countOf(demo.stdout, 'refused at the border')).toBe(2);
    expect(countOf(demo.stdout, 'sent twice')).toBe(1);
  });

  test('met a provider that was busy, broken and slow, and each attempt is in the audit trail', async () => {
    const rows = await shop.database.query<{ message: string }>(
      `select distinct metadata ->> 'error_message' as message
       from public.tasker_workflow_step_transitions
       where to_state = 'error' and metadata @> '{"retry_available": true}'`,
    );
    expect(rows.map((row) => row.message)).toEqual(
      expect.arrayContaining(['the payment provider answered 429', 'the payment provider answered 500']),
    );
  });

  test('leave an invoice and a mail each', async () => {
    const { run } = await evidence();
    const complete = countOf(demo.stdout, 'complete');
    expect(readdirSync(join(out, run, 'outbox'))).toHaveLength(complete);
    expect(readdirSync(join(out, run, 'invoices'))).toHaveLength(complete);
  });

  test('the checks would have found a lost piece, a second charge and a lost mail', async () => {
    const found = await evidence();
    const [mail = ''] = readdirSync(join(out, found.run, 'outbox'));
    const reference = `${found.run}/${mail.replace('.eml', '')}`;
    const charge = found.ledger.history(reference).find((entry) => entry.kind === 'charged');
    await shop.database.query(`update shop.stock set on_hand = on_hand - 1 where sku = 'KETTLE'`);
    if (charge) found.ledger.record({ ...charge, key: 'another key' });
    rmSync(join(out, found.run, 'outbox', mail));
    const against = (await runChecks(found)).filter((check) => check.against.length > 0);
    expect(against.map(({ claim }) => claim)).toEqual([
      expect.stringMatching(/^stock is conserved/),
      expect.stringMatching(/charged twice/),
      expect.stringMatching(/charged once/),
      expect.stringMatching(/^one mail/),
    ]);
  });
});

describe('a move of stock that is made many times at once', () => {
  const shop = testDatabase();
  const order = { run: 'r1', order_id: 'A1' };
  const lines = ['BOOK', 'KETTLE'].map((sku) => ({ sku, name: sku, quantity: 2, price_cents: 1 }));
  const tenTimes = <Result>(move: () => Promise<Result>) =>
    Promise.allSettled(Array.from({ length: 10 }, () => move()));

  beforeAll(async () => {
    await createShopTables(shop.database);
    await stockShelves(shop.database, 'r1', 1);
  });

  test('moves once', async () => {
    await tenTimes(() => reserveStock(shop.database, order, lines));
    const shipped = await tenTimes(() => shipReserved(shop.database, order));
    const stock = await shop.database.query(
      'select on_hand - initial as moved, reserved, shipped from shop.stock where shipped > 0 or reserved > 0',
    );
    const row = { moved: -2, reserved: 0, shipped: 2 };
    expect(stock).toEqual([row, row]);
    expect(new Set(shipped.map((result) => JSON.stringify(result))).size).toBe(1);
  });

  test('of articles that are not there moves nothing', async () => {
    const missing = await reserveStock(shop.database, { run: 'r1', order_id: 'A2' }, [
      { sku: 'BOOK', name: 'BOOK', quantity: 1, price_cents: 1 },
      { sku: 'MUG-1999', name: 'MUG-1999', quantity: 1, price_cents: 1 },
    ]);
    const reservations = await shop.database.query(`select from shop.reservations where order_id = 'A2'`);
    expect({ missing, reservations }).toEqual({ missing: ['MUG-1999'], reservations: [] });
  });
});

describe('a demo without the other languages', () => {
  const shop = testDatabase();
  const out = temporaryFolder();

  test('does all of it in TypeScript when it is told to', async () => {
    const demo = await runDemo(shop.url, ['--typescript-only', '--count', '20', '--out', out]);
    expect(demo).toMatchObject({ code: 0, stderr: '' });
    expect(programs(demo.stdout)).toEqual(['Node: requests', 'Node: shipments']);
    expect(demo.stdout.match(/^ {2}ok {4}/gm)).toHaveLength(11);
  });

  test('says in one line each why they are not there, and ends well', async () => {
    const broken = { PYTHONHOME: '/nowhere', RUBYOPT: '-rno_such_library' };
    const demo = await runDemo(shop.url, ['--count', '5', '--out', out], broken);
    expect(demo).toMatchObject({ code: 0, stderr: '' });
    expect(demo.stdout).toMatch(/^ {2}payment {4}in TypeScript: no Python >= 3\.10 .*$/m);
    expect(demo.stdout).toMatch(/^ {2}shipping {3}in TypeScript: no Ruby >= 3\.1 .*$/m);
    expect(programs(demo.stdout)).toEqual(['Node: requests', 'Node: shipments']);
  });

  test.skipIf(noRuby)('takes the twins of a worker that cannot start', async () => {
    const broken = { PGSERVICE: 'nowhere' }; // Ruby's driver looks for it
    const demo = await runDemo(shop.url, ['--count', '5', '--out', out], broken);
    expect(demo).toMatchObject({ code: 0, stderr: '' });
    expect(demo.stdout).toMatch(/^ {2}shipping {3}in TypeScript: its worker did not start: .*nowhere.*$/m);
    expect(programs(demo.stdout)).toContain('Node: shipments');
  });
});

describe.skipIf(noPython ?? noRuby)('the workers of a demo', () => {
  const shop = testDatabase();
  const out = temporaryFolder();

  test('are started again when they die, and what they held is done once', async () => {
    const { child, ended } = startDemo(shop.url, ['--count', '60', '--out', out]);
    whenSaid(child, / orders: /, (said) => process.kill(workerOf('payment', said), 'SIGKILL'));
    const { code, stdout } = await ended;
    expect(stdout).toMatch(/the worker \d+ has died: payment is in Python, by process \d+/);
    expect({ code, checks: stdout.match(/^ {2}ok {4}/gm)?.length }).toEqual({ code: 0, checks: 11 });
  });

  test.for(['SIGINT', 'SIGKILL'] as const)('end with it, also by %s', async (signal) => {
    const { child, ended } = startDemo(shop.url, ['--count', '20', '--out', out]);
    whenSaid(child, / orders: /, () => child.kill(signal));
    const { code } = await ended; // all that hold its output have gone
    expect(code).toBe(signal === 'SIGINT' ? 130 : null);
  });
});

describe('orders of the user', () => {
  const shop = testDatabase();
  const folder = temporaryFolder();

  test('come from a CSV; good ones are shipped, the others are said', async () => {
    const file = join(folder, 'my orders.csv');
    const rows = [
      'order_id,name,email,country,card,items,total_cents',
      'B1,"Ada, Countess",ada@example.com,DE,card_1,MUG-BLUE:2 BOOK,5400',
      'B2,Bob,bob@example.com,DE,card_2,MUG-PINK:1,1250',
      'B3,Cy,cy@example.com,DE,card_3,BOOK:1,many',
    ];
    writeFileSync(file, rows.join('\n'));
    const { code, stdout } = await runDemo(shop.url, ['--orders', file, '--out', folder, '--seed', '7']);
    expect(stdout).toContain('UNKNOWN_SKU: no article MUG-PINK in the catalogue');
    expect(stdout).toMatch(/line 4: total_cents: expected .*, got "many"/);
    expect({ code, complete: countOf(stdout, 'complete') }).toEqual({ code: 0, complete: 1 });
  });

  test.for([
    [['--orders', 'missing.jsonl'], /^demo: missing\.jsonl cannot be read: ENOENT$/],
    [['--orders', 'package.json'], /^demo: package\.json: expected a file that ends in \.jsonl or \.csv$/],
    [['--count', 'many'], /^demo: --count: expected a whole number of at least 1, got "many"$/],
    [['--odrers', 'x.csv'], /^demo: Unknown option '--odrers'$/],
  ] as const)('are refused in one line with status 2: %s', async ([args, line]) => {
    const { code, stdout, stderr } = await runDemo(shop.url, args);
    expect(stderr.trimEnd()).toMatch(line);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('an interrupted demo', () => {
  const shop = testDatabase();
  const out = temporaryFolder();

  test('stops in order, and the next one carries its orders on', async () => {
    const first = startDemo(shop.url, ['--count', '150', '--out', out]);
    whenSaid(first.child, /[1-9]\d* complete/, () => first.child.kill('SIGINT'));
    const stopped = await first.ended;
    expect(stopped).toMatchObject({ code: 130, stderr: '' });
    expect(stopped.stdout).toMatch(/Stopped in order\. \d+ orders are on their way/);

    const second = await runDemo(shop.url, ['--count', '20', '--out', out]);
    const runs = await shop.database.query(
      `select run, count(*) filter (where state = 'open')::integer as open from shop.orders group by run order by run`,
    );
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(runs).toEqual([expect.objectContaining({ open: 0 }), expect.objectContaining({ open: 0 })]);
  });
});
