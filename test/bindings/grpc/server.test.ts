// Where the server listens, with which certificates, and what it refuses to do.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GrpcServer } from '../../../bindings/grpc/server.ts';
import { newEngine } from '../../support/engines.ts';
import { newAuthority } from '../../support/certificates.ts';
import { ANY_PORT, serve, startServer } from '../../support/grpc-servers.ts';
import { newGrpcWorker } from '../../support/grpc-worker.ts';
import { testDatabase } from '../../support/postgres.ts';
import { staleSocket } from '../../support/stale-socket.ts';
import { tokensFile } from '../../support/token-files.ts';

const home = testDatabase();
const authority = newAuthority();
const ours = authority.sign('server');
setLogVerbosity(logVerbosity.NONE); // it would tell of the errors that are provoked here
const TOKENS = [{ name: 'all', role: 'worker', token: 'x'.repeat(16) }];

function make(options: Partial<ConstructorParameters<typeof GrpcServer>[0]>): GrpcServer {
  const { database } = home;
  return new GrpcServer({
    engine: newEngine({ database, works: {} }),
    database,
    listen: [ANY_PORT],
    ...options,
  });
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'treadle-grpc-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe('plaintext', () => {
  it.each(['0.0.0.0:7465', '[::]:7465', '192.168.1.5:7465', 'engine.internal:7465'])(
    'is refused on %s',
    (address) => {
      expect(() => make({ listen: [address], tokens: tokensFile(TOKENS) })).toThrow(
        `gRPC: ${address} would send tokens and data in clear over the network: expected TREADLE_GRPC_TLS_CERT and _KEY, or TREADLE_GRPC_ALLOW_PLAINTEXT=1 where something else encrypts`,
      );
    },
  );

  it.each(['127.0.0.1:0', '127.8.9.1:0', '[::1]:0', 'localhost:0', 'unix:/tmp/x.sock'])(
    'is fine on %s',
    (address) => {
      expect(() => make({ listen: [address] })).not.toThrow();
    },
  );

  it('is listened for elsewhere when that is allowed, with tokens', () => {
    const allowed = { listen: ['0.0.0.0:0'], allowPlaintext: true };
    expect(() => make({ ...allowed, tokens: tokensFile(TOKENS) })).not.toThrow();
    expect(() => make(allowed)).toThrow(
      /^gRPC: 0\.0\.0\.0:0 is open to other machines: expected TREADLE_GRPC_TOKENS/,
    );
  });
});

describe('an address', () => {
  it.each(['7465', 'localhost', '127.0.0.1:99999', '::1:7465', '[x]:1', 'unix:', 'http://x:1', ''])(
    '%j is none',
    (address) => {
      expect(() => make({ listen: [address] })).toThrow(
        expect.objectContaining({ code: 'invalid_config' }) as Error,
      );
    },
  );

  it('that somebody else has is one line', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const server = make({ listen: [`127.0.0.1:${port}`] });
    await expect(server.start()).rejects.toThrow(
      `gRPC: cannot listen on 127.0.0.1:${port}: somebody else listens there`,
    );
  });

  it('of several is listened on as well', async () => {
    const socket = `unix:${join(newFolder(), 'a.sock')}`;
    const { server, engine } = await serve({ database: home.database, templates: [] });
    await server.stop({ graceSeconds: 0 });
    const both = new GrpcServer({ engine, database: home.database, listen: [ANY_PORT, socket] });
    onTestFinished(async () => both.stop({ graceSeconds: 0 }));
    for (const address of await both.start()) {
      expect(await newGrpcWorker({ address }).register({ handlers: ['A'] })).toMatchObject({
        engine_version: 'unknown',
      });
    }
  });
});

describe('a unix socket', () => {
  it('is for its owner and group, and gone when the server stops', async () => {
    const path = join(newFolder(), 'treadle.sock');
    const { server } = await serve({
      database: home.database,
      templates: [],
      grpc: { listen: [`unix:${path}`] },
    });
    expect(statSync(path).mode & 0o777).toBe(0o660);
    await server.stop({ graceSeconds: 0 });
    expect(existsSync(path)).toBe(false);
  });

  it('that a killed process has left behind is taken over', async () => {
    const path = join(newFolder(), 'treadle.sock');
    await staleSocket(path);
    const { newWorker } = await serve({
      database: home.database,
      templates: [],
      grpc: { listen: [`unix:${path}`] },
    });
    expect(await newWorker().register({ handlers: ['A'] })).toMatchObject({ engine_version: 'unknown' });
  });

  it('of a living server is left alone', async () => {
    const listen = [`unix:${join(newFolder(), 'treadle.sock')}`];
    const { newWorker } = await serve({ database: home.database, templates: [], grpc: { listen } });
    await expect(make({ listen }).start()).rejects.toThrow('somebody else listens there');
    expect(await newWorker().register({ handlers: ['A'] })).toMatchObject({ engine_version: 'unknown' });
  });
});

describe('TLS', () => {
  const trust = () => readFileSync(authority.files.cert);

  /** By the name that its certificate has. */
  const named = (address: string): string => address.replace(/^.*:/, 'localhost:');

  it('carries a worker that trusts the authority, and none in clear', async () => {
    const served = await serve({ database: home.database, templates: [], grpc: { tls: ours } });
    const address = named(served.address);
    const trusting = newGrpcWorker({ address, credentials: credentials.createSsl(trust()) });
    expect(await trusting.register({ handlers: ['A'] })).toMatchObject({ engine_version: 'unknown' });
    expect(await newGrpcWorker({ address }).ended).toMatchObject({ code: 'UNAVAILABLE' });
    const distrusting = newGrpcWorker({ address, credentials: credentials.createSsl() });
    expect(await distrusting.ended).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('with an authority for callers lets in only those that it has signed', async () => {
    const grpc = { tls: { ...ours, clientCa: authority.files.cert }, listen: ['0.0.0.0:0'] };
    const served = await serve({ database: home.database, templates: [], grpc });
    const [address, theirs] = [named(served.address), authority.sign('worker')];
    const signed = credentials.createSsl(trust(), readFileSync(theirs.key), readFileSync(theirs.cert));
    const welcome = newGrpcWorker({ address, credentials: signed });
    expect(await welcome.register({ handlers: ['A'] })).toMatchObject({ engine_version: 'unknown' });
    const nobody = newGrpcWorker({ address, credentials: credentials.createSsl(trust()) });
    expect(await nobody.ended).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('on other than loopback addresses wants to know who calls', () => {
    expect(() => make({ listen: ['0.0.0.0:0'], tls: ours })).toThrow(/is open to other machines/);
    expect(() => make({ listen: ['0.0.0.0:0'], tls: ours, tokens: tokensFile(TOKENS) })).not.toThrow();
  });

  it('says which file cannot be read, and which are no certificate', () => {
    const broken = join(newFolder(), 'broken.pem');
    writeFileSync(broken, 'nothing');
    expect(() => make({ tls: { ...ours, key: '/nowhere/key' } })).toThrow(
      'gRPC: /nowhere/key cannot be read (ENOENT)',
    );
    expect(() => make({ tls: { ...ours, cert: broken } })).toThrow(
      /^gRPC: expected PEM files of a certificate and its key, came .*broken\.pem/,
    );
  });
});

describe('stop', () => {
  it('can be called twice, and before the start', async () => {
    const { server } = await startServer({
      engine: newEngine({ database: home.database, works: {} }),
      database: home.database,
      listen: [ANY_PORT],
    });
    await Promise.all([server.stop({ graceSeconds: 1 }), server.stop()]);
    await make({}).stop();
  });
});
