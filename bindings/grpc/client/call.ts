// What every call of the client service goes through: who asks, what the token lets it see, and what an error becomes.
import {
  status,
  type handleUnaryCall,
  type Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Engine } from '../../../engine/engine.ts';
import { ClientServiceService } from '../../../proto/gen/treadle/v1/client.ts';
import type { Executor } from '../../../sql/database.ts';
import type { ClientAccess } from '../access.ts';
import { ClientScope } from './scope.ts';
import { statusOf } from '../errors.ts';
import { Refusal } from '../refusal.ts';

export interface ClientServiceOptions {
  readonly engine: Engine;
  readonly database: Executor;
  readonly access: { client(metadata: Metadata): ClientAccess };
  readonly log: Logger;
  /** Aborts when the engine begins to stop: clients that watch tasks are sent to another one. */
  readonly leaving?: AbortSignal | undefined;
}

/** A call as the functions of the service see it. */
export interface ClientCall<Request> {
  readonly engine: Engine;
  readonly db: Executor;
  readonly request: Request;
  readonly scope: ClientScope;
}

type Work<Request, Response> = (call: ClientCall<Request>) => Promise<Response>;

export function unary<Request, Response>(
  options: ClientServiceOptions,
  work: Work<Request, Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => void respond(options, work, call, callback);
}

async function respond<Request, Response>(
  options: ClientServiceOptions,
  work: Work<Request, Response>,
  { metadata, request }: ServerUnaryCall<Request, Response>,
  callback: sendUnaryData<Response>,
): Promise<void> {
  let response: Response;
  try {
    response = await answer(options, metadata, request, work);
  } catch (error) {
    callback(statusOf(error, options.log));
    return;
  }
  callback(null, response);
}

/** Does the work of a call for whoever asks. Rejects with what statusOf makes a status of. */
export async function answer<Request, Response>(
  { engine, database, access }: ClientServiceOptions,
  metadata: Metadata,
  request: Request,
  work: Work<Request, Response>,
): Promise<Response> {
  const scope = new ClientScope(database, access.client(metadata));
  if (request instanceof Unreadable) throw new Refusal(status.INVALID_ARGUMENT, request.words);
  return work({ engine, db: database, request, scope });
}

/** In the place of a request whose bytes are no message of the contract. */
class Unreadable {
  readonly words: string;

  constructor(why: unknown) {
    this.words = `the request cannot be read: ${why instanceof Error ? why.message : String(why)}`;
  }
}

/** The service as generated, save that bytes which are no request are answered as INVALID_ARGUMENT. */
export const CLIENT_SERVICE = Object.fromEntries(
  Object.entries(ClientServiceService).map(([name, method]) => [
    name,
    { ...method, requestDeserialize: readable(method.requestDeserialize) },
  ]),
) as unknown as ClientServiceService;

function readable(decode: (bytes: Buffer) => unknown): (bytes: Buffer) => unknown {
  return (bytes) => {
    try {
      return decode(bytes);
    } catch (error) {
      return new Unreadable(error);
    }
  };
}
