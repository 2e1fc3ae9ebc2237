// The bare transport: a gRPC server with one bidirectional stream that carries bytes, and whoever connects sends them back.
import { Server, ServerCredentials, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js';
import type { Carrier } from './trips.ts';

const same = (bytes: Buffer): Buffer => bytes;
const ECHO = {
  echo: {
    path: '/bench.Echo/Echo',
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
} satisfies ServiceDefinition;

const MESSAGE = Buffer.alloc(1024, 'x');

/** A server for one stream. */
export interface Listening {
  readonly address: string;
  /** Resolves with the stream when it is open. */
  readonly connected: Promise<Carrier>;
  readonly stop: () => void;
}

export async function listenForEcho(): Promise<Listening> {
  const server = new Server();
  const connected = new Promise<Carrier>((resolve) => {
    server.addService(ECHO, { echo: (call: ServerDuplexStream<Buffer, Buffer>) => resolve(carrierOf(call)) });
  });
  const port = await bound(server);
  return { address: `127.0.0.1:${port}`, connected, stop: () => server.forceShutdown() };
}

function carrierOf(call: ServerDuplexStream<Buffer, Buffer>): Carrier {
  const underWay: number[] = []; // they come back in their order
  const send = (place: number): void => {
    underWay.push(place);
    call.write(MESSAGE);
  };
  const carrier: Carrier = { send, onBack: () => {} };
  call.on('data', () => carrier.onBack(underWay.shift() ?? 0));
  call.on('error', () => {}); // it is cut off in the end
  return carrier;
}

/** Any port that is free. */
export function bound(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
}
