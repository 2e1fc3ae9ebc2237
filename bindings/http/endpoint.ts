// What an endpoint is: where it lies, who may use it, what it takes and answers. The server makes routes of these, and the OpenAPI document
// is made of the same, so that neither can say what the other does not do.
import type { z } from 'zod';
import type { Engine } from '../../engine/engine.ts';
import type { Executor } from '../../sql/database.ts';
import type { Caller } from './callers.ts';

/** JSON text that was made elsewhere, sent as it is. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export interface Answer {
  readonly status?: number;
  readonly body: unknown;
}

/** What the work of an endpoint is given. Its inputs have passed their schemas. */
export interface Call<Params, Query, Body> {
  readonly engine: Engine;
  readonly db: Executor;
  readonly caller: Caller;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

export interface Endpoint<Params = unknown, Query = unknown, Body = unknown> {
  readonly method: 'get' | 'post' | 'patch' | 'put' | 'delete';
  /** With `{names}` of its parameters. */
  readonly path: string;
  /** As `tasker.task:index`. Undefined: everybody may, without a token. */
  readonly permission: string | undefined;
  readonly summary: string;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  /** Of the answer when all went well. */
  readonly answer: z.ZodType;
  /** Default 200. */
  readonly status?: number;
  readonly run: (call: Call<Params, Query, Body>) => Promise<unknown>;
}

/** An endpoint among others: its inputs are checked by its own schemas before it runs. */
export type AnyEndpoint = Omit<Endpoint, 'run' | 'params' | 'query' | 'body'> & {
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly run: (call: Call<never, never, never>) => Promise<unknown>;
};

export function endpoint<Params, Query, Body>(given: Endpoint<Params, Query, Body>): AnyEndpoint {
  return given;
}
