// The gRPC server of an engine: the worker service and the client service on one set of addresses. It is made and checked
// before the engine starts, listens while the engine runs, and ends in bounded time whatever its callers do.
import { Server } from '@grpc/grpc-js';
import { pino, type Logger } from 'pino';
import { TreadleError } from '../../core/errors.ts';
import { DEFAULT_MAX_RESULT_BYTES } from '../../core/outcome.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Database } from '../../sql/database.ts';
import { Access } from './access.ts';
import { channelOptions, DEFAULT_MAX_MESSAGE_BYTES } from './channel-options.ts';
import { CLIENT_SERVICE } from './client/call.ts';
import { clientService } from './client/client-service.ts';
import { doors, type Door, type TlsFiles } from './listen.ts';
import { readTokens } from '../tokens.ts';
import { guardSocket, removeStaleSocket } from './unix-socket.ts';
import { WORKER_SERVICE, WorkerService } from './worker/worker-service.ts';
import type { Terms } from './worker/worker-session.ts';

export interface GrpcServerOptions {
  readonly engine: Engine;
  /** Where the engine works: what clients ask for is read there. */
  readonly database: Database;
  /** Addresses as `127.0.0.1:7465`, `[::]:7465` or `unix:/run/treadle.sock`. Port 0: any that is free. */
  readonly listen: readonly string[];
  /** Files in PEM. Without them only loopback addresses and unix sockets are listened on. */
  readonly tls?: TlsFiles | undefined;
  /** File of tokens. Without one every caller may do everything. */
  readonly tokens?: string | undefined;
  /** Also without TLS on addresses that other machines reach. Default false. */
  readonly allowPlaintext?: boolean;
  /** Of one message in either direction. Default 16 MiB; not less than 128 KiB. */
  readonly maxMessageBytes?: number;
  /** As of the engine. Default 4 MiB. */
  readonly maxResultBytes?: number;
  /** How often workers are heard, and when one that is not heard is cut off, in ms. Default 5000 and 15000. */
  readonly heartbeat?: { readonly intervalMs: number; readonly timeoutMs: number };
  /** Told to workers. Default `unknown`. */
  readonly version?: string;
  readonly log?: Logger;
}

const HEARTBEAT = { intervalMs: 5_000, timeoutMs: 15_000 };
/** What a message has around the results of one step. */
const ENVELOPE_BYTES = 64 * 1024;
/** How long calls that are under way may take to end after their streams were told to. */
const LAST_WORDS_MS = 1_000;
const STOPPING = 'the engine stops: connect to another one';

export class GrpcServer {
  readonly #doors: readonly Door[];
  readonly #server: Server;
  readonly #workers: WorkerService;
  readonly #log: Logger;
  readonly #leaving = new AbortController();
  #stopping: Promise<void> | undefined;

  /** @throws TreadleError `invalid_config`: an address, a file or a token that cannot be, or that would not be safe. */
  constructor(options: GrpcServerOptions) {
    const { engine, database, tls, maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES } = options;
    const tokens = options.tokens === undefined ? undefined : readTokens(options.tokens);
    const safety = { tls, hasTokens: tokens !== undefined, allowPlaintext: options.allowPlaintext ?? false };
    this.#log = options.log ?? pino({ level: 'silent' });
    this.#doors = doors(options.listen, safety);
    const given = { engine, access: new Access(tokens), log: this.#log };
    const clients = clientService({ ...given, database, leaving: this.#leaving.signal });
    this.#workers = new WorkerService({ ...given, terms: termsOf(options, maxMessageBytes) });
    this.#server = new Server(channelOptions(maxMessageBytes));
    this.#server.addService(WORKER_SERVICE, this.#workers.implementation);
    this.#server.addService(CLIENT_SERVICE, clients);
  }

  /**
   * Listens. Resolves with the addresses, in which a port 0 has become the real one.
   * @throws TreadleError `invalid_config` when an address cannot be had: then it listens nowhere
   */
  async start(): Promise<string[]> {
    const bound: string[] = [];
    try {
      for (const door of this.#doors) bound.push(await this.#open(door));
    } catch (error) {
      this.#server.forceShutdown();
      throw error;
    }
    this.#log.info({ addresses: bound }, 'gRPC listens');
    return bound;
  }

  /** No worker is let in any more; those that are connected stay, and watches end. For the time in which the engine stops. */
  refuse(): void {
    this.#leaving.abort();
    this.#workers.refuse(STOPPING);
  }

  /**
   * Workers are asked to leave and may take so long to answer what they hold (default 30 s); then all calls end. Resolves at
   * most two seconds after that. Called after `engine.stop()` it finds nothing left to wait for.
   */
  stop({ graceSeconds = 30 }: { readonly graceSeconds?: number } = {}): Promise<void> {
    this.#stopping ??= this.#stop(graceSeconds);
    return this.#stopping;
  }

  async #stop(graceSeconds: number): Promise<void> {
    this.refuse();
    await within(graceSeconds * 1000, this.#workers.dismiss(STOPPING));
    this.#workers.close(STOPPING);
    await within(LAST_WORDS_MS, new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve())));
    this.#server.forceShutdown();
  }

  async #open({ address, socket, credentials }: Door): Promise<string> {
    if (socket !== undefined) await removeStaleSocket(socket);
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (error, bound) => {
        if (error) reject(cannotListen(address, error));
        else resolve(bound);
      });
    });
    if (socket === undefined) return address.replace(/:\d+$/, `:${port}`);
    guardSocket(socket);
    return address;
  }
}

function termsOf(options: GrpcServerOptions, maxMessageBytes: number): Terms {
  const { heartbeat = HEARTBEAT, maxResultBytes = DEFAULT_MAX_RESULT_BYTES, version = 'unknown' } = options;
  return {
    engineVersion: version,
    heartbeatIntervalMs: heartbeat.intervalMs,
    heartbeatTimeoutMs: heartbeat.timeoutMs,
    maxMessageBytes,
    // what a step may have must fit into a message, or its worker would lose its stream by it
    maxResultBytes: Math.min(maxResultBytes, maxMessageBytes - ENVELOPE_BYTES),
  };
}

function cannotListen(address: string, cause: Error): TreadleError {
  const reason = cause.message.includes('EADDRINUSE') ? 'somebody else listens there' : cause.message;
  return new TreadleError('invalid_config', `gRPC: cannot listen on ${address}: ${reason}`, { cause });
}

async function within(ms: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([done, over]);
  clearTimeout(timer);
}
