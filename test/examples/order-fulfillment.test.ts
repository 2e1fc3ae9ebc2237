// The demo as a person runs it: a child process on a database of its own, its words, its exit status, and the rows and
// files it leaves. One test breaks what the demo has checked, to see that the checks would have noticed.
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
import { testDatabase } from '../support/postgres.ts';

const DEMO = resolve('examples/order-fulfillment/demo.ts');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function startDemo(url: string, args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--import', 'tsx', DEMO, ...args], {
    env: { ...process.env, DATABASE_URL: url, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }));
  return { child, ended };
}

function runDemo(url: string, args: readonly string[]): Promise<Ended> {
  return startDemo(url, args).ended;
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
    const first = startDemo(shop.url, ['--count', '40', '--out', out]);
    first.child.stdout?.on('data', (chunk: Buffer) => {
      if (/[1-9]\d* complete/.test(chunk.toString())) first.child.kill('SIGINT');
    });
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
