// The client service on a port of its own, and a client that asks it. Errors come with what their trailers say.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import {
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type ClientReadableStream,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { Access } from '../../bindings/grpc/access.ts';
import { CLIENT_SERVICE, type ClientServiceOptions } from '../../bindings/grpc/client/call.ts';
import { clientService } from '../../bindings/grpc/client/client-service.ts';
import type { TaskWatches } from '../../bindings/grpc/client/watch.ts';
import { sha256, type Token } from '../../bindings/tokens.ts';
import {
  ClientServiceClient,
  WatchTaskRequest,
  type WatchTaskResponse,
} from '../../proto/gen/treadle/v1/client.ts';
import { decodeDetails, type DecodedDetails } from './rpc-details.ts';

type ServiceOptions = Pick<ClientServiceOptions, 'engine' | 'database'> &
  Partial<ClientServiceOptions> & {
    readonly tokens?: readonly Token[];
    /** In the place of those that the service makes for itself. */
    readonly watches?: TaskWatches;
  };

/** A token of a client of these namespaces; undefined: of all. */
export function tokenOf(name: string, namespaces?: readonly string[]): Token {
  return { name, role: 'client', sha256: sha256(bearerOf(name)), scope: namespaces };
}

/** Serves until the test ends. */
export async function serveClients({ tokens, watches, ...options }: ServiceOptions): Promise<string> {
  const server = new Server();
  const log = pino({ level: 'silent' });
  const service = clientService({ access: new Access(tokens), log, ...options });
  if (watches) service.watchTask = (call) => void watches.open(call, call.request.task_id);
  server.addService(CLIENT_SERVICE, service);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  onTestFinished(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

/** The way to an address, which can be cut. */
export async function cuttableWay(address: string): Promise<{ address: string; cut: () => void }> {
  const [host, port] = address.split(':');
  const sockets = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = connect(Number(port), host ?? '');
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  onTestFinished(() => {
    cut();
    proxy.close();
  });
  return { address: `127.0.0.1:${(proxy.address() as AddressInfo).port}`, cut };
}

export interface Refused extends DecodedDetails {
  /** Name of the gRPC status. */
  readonly status: string;
  readonly message: string;
}

export class TestClient {
  readonly client: ClientServiceClient;
  readonly #metadata = new Metadata();

  /** With the token of this name. */
  constructor(address: string, token?: string) {
    this.client = new ClientServiceClient(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': 16 * 1024 * 1024, // as the packages for Python and Ruby have it
    });
    if (token !== undefined) this.#metadata.set('authorization', `Bearer ${bearerOf(token)}`);
    onTestFinished(() => this.client.close());
  }

  ask<Request, Response>(method: MethodDefinition<Request, Response>, request: Request): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = method;
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        this.#metadata,
        (error, response) =>
          response === undefined ? reject(error ?? new Error('nothing')) : resolve(response),
      );
    });
  }

  /** What a call that must fail is answered with. */
  async refusal<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
  ): Promise<Refused> {
    const error: unknown = await this.ask(method, request).then(
      () => new Error('the call has succeeded'),
      (thrown: unknown) => thrown,
    );
    return refusedBy(error as ServiceError);
  }

  watch(taskId: number): ClientReadableStream<WatchTaskResponse> {
    return this.client.watchTask(WatchTaskRequest.fromPartial({ task_id: taskId }), this.#metadata);
  }
}

function bearerOf(token: string): string {
  return `secret of ${token}`.replaceAll(' ', '_');
}

export function refusedBy(error: ServiceError): Refused {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  if (!(bytes instanceof Buffer)) throw new Error(`no details: ${error.message}`);
  return { status: status[error.code], message: error.details, ...decodeDetails(bytes) };
}
