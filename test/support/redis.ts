// A real redis-server for tests, on a port and in a folder of its own. What is started ends with its test, also when it fails.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { redisServer } from '../../scripts/services.ts';
import { choosePort } from '../../sql/server/port.ts';
import type { CertificateFiles } from './certificates.ts';

/** Found or installed once per test file. */
const service = await redisServer({ install: 'packages' });

/** Why tests with Redis cannot run here; undefined: they can. Under CI=true its absence is a failure. */
export const noRedis: string | undefined = service.ok ? undefined : absence(service.why);

function absence(why: string): string {
  if (process.env['CI'] === 'true') throw new Error(why);
  process.stderr.write(`skipped: ${why}\n`);
  return why;
}

export interface RedisOptions {
  /** Keeps what was written across restarts: an append-only file. It outlives the process, not the machine: no fsync, which is slow. */
  readonly persistent?: boolean;
  /** Whoever connects must say it. */
  readonly password?: string;
  /** Speaks nothing but TLS, with this certificate. */
  readonly tls?: CertificateFiles;
  /** With TLS: whoever connects must show a certificate of this authority (a file). */
  readonly clientCa?: string;
  /** Whose end it lives to. Default: the test's; a file's by fileEnd. */
  readonly atEnd?: (end: () => Promise<void>) => void;
}

export interface TestRedis {
  /** redis://127.0.0.1:port/0; rediss:// with TLS */
  readonly url: string;
  readonly port: number;
  /** kill -9. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the data that it kept; kills it first when it runs. */
  restart(): Promise<void>;
  /** Freezes and thaws the process: it takes connections and answers nothing. */
  freeze(): void;
  thaw(): void;
  /** Kills it and removes its folder. Called by itself at the end. */
  stop(): Promise<void>;
}

export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  if (!service.ok) throw new Error(service.why);
  const folder = mkdtempSync(join(tmpdir(), 'treadle-redis-'));
  const port = await choosePort(join(folder, 'port'));
  const login = options.password === undefined ? '' : `:${options.password}@`;
  const server = new RedisProcess(service.program, flags(folder, port, options));
  const stop = async (): Promise<void> => {
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  (options.atEnd ?? onTestFinished)(stop);
  await server.start();
  return {
    url: `${options.tls ? 'rediss' : 'redis'}://${login}127.0.0.1:${port}/0`,
    port,
    kill: () => server.kill(),
    restart: async () => {
      await server.kill();
      await server.start();
    },
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
    stop,
  };
}

function flags(folder: string, port: number, options: RedisOptions): string[] {
  const { persistent, password } = options;
  const place = [...doorFlags(port, options), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const kept = persistent === true ? ['--appendonly', 'yes', '--appendfsync', 'no'] : ['--appendonly', 'no'];
  return [...place, ...kept, ...(password === undefined ? [] : ['--requirepass', password])];
}

function doorFlags(port: number, { tls, clientCa }: RedisOptions): string[] {
  if (!tls) return ['--port', String(port)];
  const files = ['--tls-cert-file', tls.cert, '--tls-key-file', tls.key];
  const clients = ['--tls-auth-clients', clientCa === undefined ? 'no' : 'yes'];
  return [
    '--port',
    '0',
    '--tls-port',
    String(port),
    ...files,
    ...clients,
    '--tls-ca-cert-file',
    clientCa ?? tls.cert,
  ];
}

class RedisProcess {
  readonly #program: string;
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;

  constructor(program: string, flagsOfIt: readonly string[]) {
    this.#program = program;
    this.#flags = flagsOfIt;
  }

  async start(): Promise<void> {
    const child = spawn(this.#program, this.#flags, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    const said: string[] = [];
    const ready = new Promise<void>((resolve) => {
      createInterface(child.stdout).on('line', (line) => {
        said.push(line);
        if (line.includes('Ready to accept connections')) resolve();
      });
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`redis-server ended: ${said.slice(-3).join(' | ')}`);
    });
    await Promise.race([ready, ended]);
    ended.catch(() => {}); // from now on its end is wanted
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }
}
