// Whatever arrives: the server answers with an error, lives on, and serves the next call.
import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { once } from 'node:events';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GrpcServer } from '../../../bindings/grpc/server.ts';
import { Engine } from '../../../engine/engine.ts';
import { ClientServiceService } from '../../../proto/gen/treadle/v1/client.ts';
import { WorkRequest } from '../../../proto/gen/treadle/v1/worker.ts';
import { ANY_PORT } from '../../support/grpc-servers.ts';
import { newGrpcWorker } from '../../support/grpc-worker.ts';
import { testDatabase } from '../../support/postgres.ts';
import { InMemoryQueue } from '../../../engine/queue/in-memory.ts';

const home = testDatabase();
const WORK = '/treadle.v1.WorkerService/Work';
const MAX_MESSAGE_BYTES = 300_000;
let engine: Engine;
let server: GrpcServer;
let address: string;
let client: Client;

beforeAll(async () => {
  const { database } = home;
  engine = new Engine({ database, queue: new InMemoryQueue() });
  await engine.start();
  server = new GrpcServer({ engine, database, listen: [ANY_PORT], maxMessageBytes: MAX_MESSAGE_BYTES });
  [address = ''] = await server.start();
  client = new Client(address, credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await server.stop({ graceSeconds: 0 });
  await engine.stop({ graceSeconds: 0 });
});

/** Sends bytes as one message of an unary call; resolves with the status. */
function unary(path: string, bytes: Buffer): Promise<number> {
  const same = (given: Buffer): Buffer => given;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, bytes, (error: ServiceError | null) =>
      resolve(error?.code ?? status.OK),
    );
  });
}

/** Sends messages of these bytes on a stream of a worker; resolves with how it ended. */
function stream(messages: readonly Buffer[]): Promise<number> {
  const same = (given: Buffer): Buffer => given;
  const call = client.makeBidiStreamRequest(WORK, same, same, new Metadata());
  call.on('data', () => {});
  call.on('error', () => {});
  for (const bytes of messages) call.write(bytes);
  call.end();
  return new Promise((resolve) => call.on('status', ({ code }) => resolve(code)));
}

async function livesOn(): Promise<void> {
  const worker = newGrpcWorker({ address });
  expect(await worker.register({ handlers: ['Fuzzed'] })).toMatchObject({
    max_message_bytes: MAX_MESSAGE_BYTES,
  });
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((given) => Buffer.from(given));
/** Lawful protobuf of no message of ours: fields of any number and type. */
const fields = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.constantFrom(0, 1, 2, 3, 4, 5, 7), bytes))
  .map((list) =>
    Buffer.concat(
      list.map(([field, type, value]) =>
        Buffer.concat([Buffer.from([(field << 3) | type, value.length]), value]),
      ),
    ),
  );
const ANSWERS = new Set([
  status.OK,
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.INTERNAL,
  status.FAILED_PRECONDITION,
]);

const text = fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: 'binary', maxLength: 20 }));
const outcome = fc.record({
  claim_token: text,
  result: fc.oneof(
    fc.constant(undefined),
    fc.record({ $case: fc.constant('completed' as const), value: fc.record({ results_json: text }) }),
    fc.record({ $case: fc.constant('released' as const), value: fc.constant({}) }),
  ),
  duration_us: fc.nat(),
});
/** Anything that a registered worker can say, of any content. */
const message = fc.oneof(
  fc.record({ $case: fc.constant('credits' as const), value: fc.record({ additional: fc.nat() }) }),
  fc.record({
    $case: fc.constant('outcomes' as const),
    value: fc.record({ outcomes: fc.array(outcome), additional_credits: fc.nat() }),
  }),
  fc.record({
    $case: fc.constant('progress' as const),
    value: fc.record({
      claim_token: text,
      fraction: fc.option(fc.double(), { nil: undefined }),
      message: text,
    }),
  }),
  fc.record({ $case: fc.constant('heartbeat' as const), value: fc.constant({}) }),
  fc.record({ $case: fc.constant('drain' as const), value: fc.record({ reason: text }) }),
);
/** The first message of a stream. */
const registered = WorkRequest.encode(
  WorkRequest.fromPartial({
    message: { $case: 'register', value: { name: 'f', handlers: ['F'], language: 'x', capacity: 1 } },
  }),
).finish();

test('bytes of any kind on a stream of a worker are INVALID_ARGUMENT', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(bytes, fields), { minLength: 1, maxLength: 3 }), async (messages) => {
      expect(await stream(messages)).toBe(status.INVALID_ARGUMENT);
    }),
    { numRuns: 150 },
  );
  await livesOn();
});

test('messages of any content and order are answered', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 5 }), async (list) => {
      const encoded = list.map((one) => Buffer.from(WorkRequest.encode({ message: one }).finish()));
      expect(ANSWERS).toContain(await stream([Buffer.from(registered), ...encoded]));
    }),
    { numRuns: 150 },
  );
  await livesOn();
});

test.each(Object.values(ClientServiceService).map(({ path }) => path))(
  '%s answers bytes of any kind',
  async (path) => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(bytes, fields), async (given) => {
        expect(ANSWERS).toContain(await unary(path, given));
      }),
      { numRuns: 25 },
    );
    await livesOn();
  },
);

test('a message over the limit is RESOURCE_EXHAUSTED', async () => {
  expect(await stream([Buffer.alloc(MAX_MESSAGE_BYTES + 1)])).toBe(status.RESOURCE_EXHAUSTED);
  expect(await unary(ClientServiceService.createTask.path, Buffer.alloc(MAX_MESSAGE_BYTES + 1))).toBe(
    status.RESOURCE_EXHAUSTED,
  );
  await livesOn();
});

test('a message that announces more than it has, or 4 GB, does no harm', async () => {
  const session = connectHttp2(`http://${address}`);
  const headers = { ':method': 'POST', ':path': WORK, 'content-type': 'application/grpc', te: 'trailers' };
  for (const frame of [
    [0, 255, 255, 255, 255, 1],
    [0, 0, 0, 1, 0, 1],
    [1, 0, 0, 0, 2, 1, 2],
    [7, 0, 0, 0, 0],
  ]) {
    const request = session.request({ ...headers, [constants.HTTP2_HEADER_PATH]: WORK });
    request.on('error', () => {});
    request.end(Buffer.from(frame));
    request.resume();
    await once(request, 'close');
  }
  session.close();
  await livesOn();
});

test('bytes that are no HTTP/2 close their connection, and nothing else', async () => {
  const port = Number(address.split(':').at(-1));
  await fc.assert(
    fc.asyncProperty(bytes, async (given) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(Buffer.concat([given, Buffer.from('\r\n\r\n')]));
      socket.resume();
      await once(socket, 'close');
    }),
    { numRuns: 50 },
  );
  await livesOn();
});
