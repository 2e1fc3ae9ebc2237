// docs/rails.md is typed from its first line to its last, in a Rails application with a database that the Rails engine has left, with a real
// engine and a real Ruby worker beside it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { railties } from '../../scripts/toolchains.ts';
import { choosePort } from '../../sql/server/port.ts';
import { alike, matches, sectionsOf, typedIn, type Block } from '../examples/console-guide.ts';
import { Terminals } from '../examples/guide-terminal.ts';
import { createShopApp, createShopDatabase, GEM } from '../support/rails-shop.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { reasonToSkip } from './foreign-suite.ts';

const skipped = reasonToSkip(await railties({ install: 'packages' }));
const MINUTES = 180_000;
const app = createShopApp('rails-afternoon');
let home: TestDatabase;
let terminals: Terminals;
let ports: readonly number[];

beforeAll(async () => {
  home = await createShopDatabase();
  ports = [await choosePort(''), await choosePort('')];
  const [grpc, http] = ports.map((port) => `127.0.0.1:${port}`);
  const environment = {
    PATH: `${app.path}:${process.env['PATH']}`,
    DATABASE_URL: home.url,
    NODE_ENV: 'development',
    TREADLE_GRPC_LISTEN: grpc ?? '',
    TREADLE_TARGET: grpc ?? '',
    TREADLE_HTTP_LISTEN: http ?? '',
    no_grpc_proxy: '127.0.0.1',
    TREADLE_SWEEP_SECONDS: '86400', // it would take over what Rails has left, in any moment of the page
  };
  terminals = new Terminals({ folder: app.folder, environment });
});
afterAll(async () => {
  terminals?.killAll();
  await home?.drop();
});

const FILE = /^# ([\w./]+)\n([^]*)$/;

/** A line of a Gemfile takes the place of that of the same gem. */
function putGem(file: string, line: string): void {
  const [gem = ''] = /^gem '[^']+'/.exec(line) ?? [];
  const others = readFileSync(file, 'utf8')
    .split('\n')
    .filter((other) => !other.startsWith(gem));
  const folder = gem.includes('treadle') ? GEM : 'vendor/tasker-engine'; // where a registry would be
  writeFileSync(file, [...others, `${line.trim()}, path: '${folder}'\n`].join('\n'));
}

/** A file of the page is one that the application has already, or a new one. */
function keepFile(name: string, text: string): void {
  const file = join(app.folder, name);
  if (name === 'Gemfile') return putGem(file, text);
  if (existsSync(file)) return expect(text).toBe(textOf(file));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function textOf(file: string): string {
  return readFileSync(file, 'utf8').replace('# frozen_string_literal: true\n\n', '');
}

/** With the ports of the test. What is left of a picture that is drawn over itself is that of the end. */
function asTyped(command: string): string {
  const watched = command.replace(/^(npx treadle status \d+) --watch$/, '$1 --watch > tmp/changes; $1');
  return watched.replaceAll('localhost:7466', `127.0.0.1:${ports[1]}`);
}

async function typeConsole({ terminal, text }: Block): Promise<void> {
  if (text.startsWith('^C\n')) return compare('^C', text.slice(3), await terminals.interrupt(terminal));
  for (const { command, shown } of typedIn(text)) {
    const typed = asTyped(command);
    if (command.startsWith('export DATABASE_URL=')) continue; // it is that of the test
    if (terminal === '') compare(command, shown, await terminals.type(typed));
    else await terminals.leaveRunning(terminal, typed, shown);
  }
}

function compare(command: string, shown: string, came: string): void {
  if (!matches(shown, came)) expect(`$ ${command}\n${alike(came)}`).toBe(`$ ${command}\n${alike(shown)}`);
}

async function work(block: Block): Promise<void> {
  const [, name, text = ''] = FILE.exec(block.text) ?? [];
  if (block.language === 'console') return typeConsole(block);
  if (block.language === 'sql') return void (await home.database.query(block.text));
  if (name === undefined) throw new Error(`expected a block of a file, came:\n${block.text}`);
  return keepFile(name, text);
}

const sections = sectionsOf('docs/rails.md').map((section) => [section.title, section] as const);
/** What did not go well: all that follows would only repeat it. */
let broken: string | undefined;

test.skipIf(skipped).each(sections)('%s', { timeout: MINUTES }, async (title, { blocks }) => {
  expect(broken).toBeUndefined();
  broken = title;
  for (const block of blocks) await work(block);
  broken = undefined;
});
