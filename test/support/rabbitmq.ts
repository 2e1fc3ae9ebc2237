// A real RabbitMQ for tests: a node of its own, with its own name, ports, folder and epmd, as nobody's service. It takes
// some six seconds to start, so that a file shares one. What is started ends with its owner, also when a test fails.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { rabbitmqServer } from '../../scripts/services.ts';
import { choosePort } from '../../sql/server/port.ts';
import type { CertificateFiles } from './certificates.ts';

/** Found or installed once per test file. */
const service = await rabbitmqServer({ install: 'packages' });

/** Why tests with RabbitMQ cannot run here; undefined: they can. Under CI=true its absence is a failure. */
export const noRabbitMq: string | undefined = service.ok ? undefined : absence(service.why);

function absence(why: string): string {
  if (process.env['CI'] === 'true') throw new Error(why);
  return why;
}

const EPMD_MS = 30_000;

export interface TestRabbitMq {
  /** amqp://guest:guest@127.0.0.1:port; amqps:// with TLS */
  readonly url: string;
  /** kill -9. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port with its data; kills it first when it runs. */
  restart(): Promise<void>;
  /** Freezes and thaws the process: it takes connections and answers nothing. */
  freeze(): void;
  thaw(): void;
  /** Kills it and removes its folder. */
  stop(): Promise<void>;
}

export interface RabbitMqOptions {
  /** Also listens with TLS, with this certificate, which its authority (a file) has signed; `url` means that door. */
  readonly tls?: CertificateFiles & { readonly ca: string };
}

/** `atEnd`: whose end it lives to, such as vitest's afterAll. */
export async function startRabbitMq(
  atEnd: (end: () => Promise<void>) => void,
  { tls }: RabbitMqOptions = {},
): Promise<TestRabbitMq> {
  if (!service.ok) throw new Error(service.why);
  const folder = mkdtempSync(join(tmpdir(), 'treadle-rabbitmq-'));
  const node = new Node(service.program, await placeIn(folder, tls));
  const stop = async (): Promise<void> => {
    await node.end();
    rmSync(folder, { recursive: true, force: true });
  };
  atEnd(stop);
  await node.start();
  return {
    url: node.place.url,
    kill: () => node.kill(),
    restart: async () => {
      await node.kill();
      await node.start();
    },
    freeze: () => node.signal('SIGSTOP'),
    thaw: () => node.signal('SIGCONT'),
    stop,
  };
}

interface Place {
  readonly url: string;
  readonly epmdPort: number;
  readonly environment: Readonly<Record<string, string>>;
}

async function placeIn(folder: string, tls: RabbitMqOptions['tls']): Promise<Place> {
  const port = await choosePort(join(folder, 'port'));
  const distributionPort = await choosePort(join(folder, 'distribution-port'));
  const epmdPort = await choosePort(join(folder, 'epmd-port'));
  for (const name of ['data', 'log']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'enabled_plugins'), '[].\n');
  const tlsPort = tls && (await choosePort(join(folder, 'tls-port')));
  writeFileSync(
    join(folder, 'rabbitmq.conf'),
    [...LOG, ...(tls ? tlsLines(tls, tlsPort) : []), ''].join('\n'),
  );
  const environment = {
    HOME: folder, // the cookie of Erlang
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `treadle${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
  };
  const url = `amqp${tls ? 's' : ''}://guest:guest@127.0.0.1:${tlsPort ?? port}`;
  return { url, epmdPort, environment };
}

const LOG = ['log.console = true', 'log.file = false'];

function tlsLines({ ca, cert, key }: CertificateFiles & { readonly ca: string }, port = 0): string[] {
  const files = [`cacertfile = ${ca}`, `certfile = ${cert}`, `keyfile = ${key}`];
  const clients = ['verify = verify_none', 'fail_if_no_peer_cert = false'];
  return [
    `listeners.ssl.1 = 127.0.0.1:${port}`,
    ...[...files, ...clients].map((line) => `ssl_options.${line}`),
  ];
}

class Node {
  readonly place: Place;
  readonly #program: string;
  #server: ChildProcess | undefined;
  /** Erlang's name service. Ours, in the foreground: the one that Erlang starts by itself outlives everybody. */
  #names: ChildProcess | undefined;

  constructor(program: string, place: Place) {
    this.#program = program;
    this.place = place;
  }

  async start(): Promise<void> {
    const env = { ...process.env, ...this.place.environment };
    this.#names ??= await startEpmd(this.place.epmdPort, env);
    // a group of its own: the script starts the Erlang machine, and that its own servants
    const server = spawn(this.#program, [], { env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#server = server;
    const said: string[] = [];
    const ready = new Promise<void>((resolve) => {
      createInterface(server.stdout).on('line', (line) => {
        said.push(line);
        if (line.includes('Server startup complete')) resolve();
      });
    });
    const ended = once(server, 'exit').then(() => {
      throw new Error(`rabbitmq-server ended: ${said.slice(-5).join(' | ')}`);
    });
    await Promise.race([ready, ended]);
    ended.catch(() => {}); // from now on its end is wanted
  }

  async kill(): Promise<void> {
    await killed(this.#server, () => this.signal('SIGKILL'));
    this.#server = undefined;
  }

  async end(): Promise<void> {
    await this.kill();
    await killed(this.#names, () => this.#names?.kill('SIGKILL'));
    this.#names = undefined;
  }

  signal(signal: NodeJS.Signals): void {
    const pid = this.#server?.pid;
    if (pid !== undefined) process.kill(-pid, signal);
  }
}

/** Listening when it resolves: an Erlang that finds none starts a daemon of its own. */
async function startEpmd(port: number, env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const names = spawn('epmd', ['-port', String(port)], { env, stdio: 'ignore' });
  await once(names, 'spawn');
  const giveUp = Date.now() + EPMD_MS;
  while (!(await listens(port))) {
    if (names.exitCode !== null || Date.now() > giveUp) throw new Error(`epmd does not listen on ${port}`);
  }
  return names;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function killed(child: ChildProcess | undefined, kill: () => void): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  kill();
  await gone;
}
