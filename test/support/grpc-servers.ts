// gRPC servers for tests: real ones, beside real engines, on ports that are free.
import { onTestFinished } from 'vitest';
import type { TaskTemplate } from '../../core/template/template.ts';
import { GrpcServer, type GrpcServerOptions } from '../../bindings/grpc/server.ts';
import type { Engine } from '../../engine/engine.ts';
import type { EngineOptions } from '../../engine/options.ts';
import type { Database } from '../../sql/database.ts';
import { startEngine, type Works } from './engines.ts';
import { newGrpcWorker, type GrpcWorker, type GrpcWorkerOptions } from './grpc-worker.ts';

/** Port 0: any that is free. */
export const ANY_PORT = '127.0.0.1:0';

export interface Served {
  readonly engine: Engine;
  readonly server: GrpcServer;
  readonly address: string;
  /** A worker that is gone when the test ends. */
  readonly newWorker: (options?: Omit<GrpcWorkerOptions, 'address'>) => GrpcWorker;
  /** The same, registered for these handlers. */
  readonly startWorker: (handlers: readonly string[], credits?: number) => Promise<GrpcWorker>;
}

export interface ServeOptions {
  readonly database: Database;
  readonly templates: readonly TaskTemplate[];
  readonly works?: Works;
  readonly engine?: Partial<EngineOptions>;
  readonly grpc?: Partial<GrpcServerOptions>;
}

/** A server that listens on its first address. */
export async function startServer(
  options: GrpcServerOptions,
): Promise<{ server: GrpcServer; address: string }> {
  const server = new GrpcServer(options);
  onTestFinished(async () => server.stop({ graceSeconds: 0 }));
  const [address = ''] = await server.start();
  return { server, address };
}

/** A running engine that serves the templates' handlers by nobody but its workers, unless `works` says so. */
export async function serve({ database, templates, works = {}, ...rest }: ServeOptions): Promise<Served> {
  const engine = await startEngine({ database, templates, works, ...rest.engine });
  const listening = { engine, database, listen: [ANY_PORT], ...rest.grpc };
  const { server, address } = await startServer(listening);
  const newWorker = (given: Omit<GrpcWorkerOptions, 'address'> = {}) => newGrpcWorker({ address, ...given });
  const startWorker = async (handlers: readonly string[], credits = 1): Promise<GrpcWorker> => {
    const worker = newWorker();
    await worker.register({ handlers: [...handlers] });
    if (credits > 0) worker.grant(credits);
    return worker;
  };
  return { engine, server, address, newWorker, startWorker };
}
