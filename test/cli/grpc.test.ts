// `treadle start --grpc` and `treadle dev --grpc`: an engine whose handlers are all elsewhere.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startTreadle, treadle, type RunningCli } from '../support/cli.ts';
import { newGrpcWorker } from '../support/grpc-worker.ts';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();
const ORDER =
  'namespace_name: shop\nname: order\nstep_templates:\n  - { name: pay, handler_class: "Payments::Pay" }\n';
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'treadle-cli-grpc-'));
  mkdirSync(join(folder, 'templates'));
  writeFileSync(join(folder, 'templates', 'order.yaml'), ORDER);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The command with a gRPC server on a free port, and where that is. */
async function started(command: 'start' | 'dev'): Promise<RunningCli & { address: string }> {
  const socket = join(folder, `${command}.sock`);
  const running = startTreadle([command, '--grpc', `unix:${socket}`], { url: home.url, cwd: folder });
  onTestFinished(() => void running.child.kill('SIGKILL'));
  await running.says(command === 'start' ? '"msg":"ready"' : 'Ctrl-C stops');
  return { ...running, address: `unix:${socket}` };
}

describe.each(['start', 'dev'] as const)('treadle %s --grpc', (command) => {
  it('runs steps of handlers that only workers have, and sends the workers away when it stops', async () => {
    const { address, child, ended } = await started(command);
    const worker = newGrpcWorker({ address });
    await worker.register({ handlers: ['Payments::Pay'] });
    worker.work();
    worker.grant(1);
    const run = await treadle(['run', 'shop/order', '-c', '{"n":1}', '--wait'], { url: home.url });
    expect(run).toMatchObject({ status: 0, stdout: expect.stringMatching(/complete\n$/) as string });
    child.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await ended).toMatchObject({ status: 0 });
  });
});

describe('a gRPC server that cannot be', () => {
  const failing = (env: Record<string, string>, ...args: string[]) =>
    treadle(['start', ...args], { url: home.url, cwd: folder, env });

  it('for a port that is taken is one line', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    expect(await failing({ TREADLE_LOG_LEVEL: 'silent' }, '--grpc', `127.0.0.1:${port}`)).toEqual({
      status: 2,
      stdout: '',
      stderr: `treadle: gRPC: cannot listen on 127.0.0.1:${port}: somebody else listens there\n`,
    });
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'in clear',
      { TREADLE_GRPC_LISTEN: '0.0.0.0:0' },
      /^treadle: gRPC: 0\.0\.0\.0:0 would send tokens and data in clear/,
    ],
    [
      'half of TLS',
      { TREADLE_GRPC_LISTEN: '127.0.0.1:0', TREADLE_GRPC_TLS_CERT: 'x' },
      /TREADLE_GRPC_TLS_CERT and TREADLE_GRPC_TLS_KEY together\n$/,
    ],
    [
      'a certificate that is not there',
      { TREADLE_GRPC_LISTEN: '127.0.0.1:0', TREADLE_GRPC_TLS_CERT: '/x.pem', TREADLE_GRPC_TLS_KEY: '/x.key' },
      /^treadle: gRPC: \/x\.pem cannot be read \(ENOENT\)\n$/,
    ],
    [
      'no tokens file',
      { TREADLE_GRPC_LISTEN: '127.0.0.1:0', TREADLE_GRPC_TOKENS: '/x' },
      /^treadle: the tokens file \/x cannot be read \(ENOENT\)\n$/,
    ],
    [
      'a flag that is none',
      { TREADLE_GRPC_ALLOW_PLAINTEXT: 'yes' },
      /^treadle: TREADLE_GRPC_ALLOW_PLAINTEXT: expected 0 or 1, came "yes"\n$/,
    ],
  ])('for %s is refused before anything starts', async (_name, env, message) => {
    const { status, stderr } = await failing(env);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });
});
