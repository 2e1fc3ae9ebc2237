// The servers that an engine may have beside it: one for gRPC, one for HTTP. They are made and checked before the engine starts, listen while it
// runs, and end with it.
import type { Logger } from 'pino';
import type { GrpcServer } from '../bindings/grpc/server.ts';
import type { HttpServer } from '../bindings/http/server.ts';
import type { Config } from '../core/config.ts';
import type { Engine } from '../engine/engine.ts';
import type { Database } from '../sql/database.ts';
import { grpcServerOf, type EngineFlags } from './engine-options.ts';
import { packageVersion } from './version.ts';

/** Reached from this machine only. */
const HTTP_ADDRESS = '127.0.0.1:7466';

export interface Addresses {
  readonly grpc: readonly string[];
  /** The base URL of the REST API. */
  readonly http: string | undefined;
}

export class Servers {
  readonly #grpc: GrpcServer | undefined;
  readonly #http: HttpServer | undefined;

  private constructor(grpc: GrpcServer | undefined, http: HttpServer | undefined) {
    this.#grpc = grpc;
    this.#http = http;
  }

  /** Those that were asked for. Throws `invalid_config`. */
  static async of(config: Config, flags: EngineFlags, given: Given): Promise<Servers> {
    return new Servers(await grpcServerOf(config, flags, given), await httpServerOf(config, flags, given));
  }

  async start(): Promise<Addresses> {
    const grpc = (await this.#grpc?.start()) ?? [];
    return { grpc, http: await this.#http?.start() };
  }

  /** Nobody is let in any more who would be sent away a moment later. */
  refuse(): void {
    this.#grpc?.refuse();
  }

  /** The engine has stopped, so nobody is left to wait for. */
  async stop(): Promise<void> {
    await Promise.all([this.#grpc?.stop({ graceSeconds: 0 }), this.#http?.stop()]);
  }
}

interface Given {
  readonly engine: Engine;
  readonly database: Database;
  readonly log: Logger;
}

async function httpServerOf(
  config: Config,
  flags: EngineFlags,
  given: Given,
): Promise<HttpServer | undefined> {
  const listen = flags.http === true ? (config.httpListen ?? HTTP_ADDRESS) : config.httpListen;
  if (listen === undefined) return undefined;
  const { HttpServer } = await import('../bindings/http/server.ts'); // it would slow the start of every other command
  return new HttpServer({
    ...given,
    listen,
    tokens: config.httpTokens,
    allowPlaintext: config.httpAllowPlaintext,
    version: packageVersion(),
  });
}
