// Who calls, and what that caller may use. Without tokens everybody on this machine may do everything (listen.ts lets such
// a server be reached from nowhere else).
import { hostname } from 'node:os';
import { status, type Metadata } from '@grpc/grpc-js';
import { Refusal } from './refusal.ts';
import { tokenWith, within, type Role, type Token } from '../tokens.ts';

/** What a caller of the client service may do. */
export interface ClientAccess {
  /** Name of the token; without tokens, of this machine. */
  readonly name: string;
  /** Globs of namespaces; undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly mayUse: (namespace: string) => boolean;
}

/** What a worker may do. */
export interface WorkerAccess {
  readonly name: string;
  readonly mayServe: (handler: string) => boolean;
}

export class Access {
  readonly #tokens: readonly Token[] | undefined;

  /** Undefined: everybody may do everything. */
  constructor(tokens: readonly Token[] | undefined) {
    this.#tokens = tokens;
  }

  /** @throws Refusal UNAUTHENTICATED without a valid token, PERMISSION_DENIED with one of a worker */
  client(metadata: Metadata): ClientAccess {
    const { name, scope } = this.#callerAs('client', metadata);
    return { name, namespaces: scope, mayUse: within(scope) };
  }

  /** @throws Refusal UNAUTHENTICATED without a valid token, PERMISSION_DENIED with one of a client */
  worker(metadata: Metadata): WorkerAccess {
    const { name, scope } = this.#callerAs('worker', metadata);
    return { name, mayServe: within(scope) };
  }

  #callerAs(role: Role, metadata: Metadata): Pick<Token, 'name' | 'scope'> {
    if (this.#tokens === undefined) return { name: hostname(), scope: undefined };
    const token = found(this.#tokens, bearerOf(metadata));
    if (token.role === role) return token;
    throw new Refusal(
      status.PERMISSION_DENIED,
      `the token ${token.name} is one of a ${token.role}, and this call is for a ${role}`,
    );
  }
}

function bearerOf(metadata: Metadata): string {
  const [value, ...more] = metadata.get('authorization');
  const bearer =
    typeof value === 'string' && more.length === 0 ? /^Bearer +(\S+)$/i.exec(value)?.[1] : undefined;
  if (bearer !== undefined) return bearer;
  throw new Refusal(
    status.UNAUTHENTICATED,
    'expected a token in the metadata: authorization: Bearer <token>',
  );
}

function found(tokens: readonly Token[], secret: string): Token {
  const match = tokenWith(tokens, secret);
  if (match) return match;
  throw new Refusal(status.UNAUTHENTICATED, 'the token is not known here');
}
