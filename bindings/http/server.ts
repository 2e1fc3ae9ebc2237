// The HTTP server of an engine: the REST API of the Rails engine, so that an existing client needs only a new base URL. It is made and
// checked before the engine starts, listens while the engine runs, and ends in bounded time whatever its callers do.
import { serve, type ServerType } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { pino, type Logger } from 'pino';
import { z } from 'zod';
import { TreadleError } from '../../core/errors.ts';
import { plainJson } from '../../core/template/json-value.ts';
import { pathText } from '../../core/template/problems.ts';
import { isStorableText } from '../../core/template/text.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Database } from '../../sql/database.ts';
import { readTokens, type Token } from '../tokens.ts';
import { analyticsEndpoints } from './analytics.ts';
import { Caller, callerOf } from './callers.ts';
import { JsonText, type AnyEndpoint, type Call } from './endpoint.ts';
import { handlerEndpoints } from './handlers.ts';
import { healthEndpoints } from './health.ts';
import { addressOf, type HttpAddress } from './http-address.ts';
import { openApi } from './openapi.ts';
import { PlainText } from './plain-text.ts';
import { notFound, Problem, problemOf, unfit } from './problem.ts';
import { scheduleEndpoints } from './schedules.ts';
import { stepEndpoints } from './steps.ts';
import { taskEndpoints } from './tasks.ts';

export interface HttpServerOptions {
  readonly engine: Engine;
  readonly database: Database;
  /** As `127.0.0.1:7466`. Port 0: any that is free. */
  readonly listen: string;
  /** File of tokens, as of the gRPC server. Without one every caller may do everything. */
  readonly tokens?: string | undefined;
  /** Also on addresses that other machines reach, as behind a proxy that speaks TLS. Default false. */
  readonly allowPlaintext?: boolean;
  /** Of a request body. Default 16 MiB. */
  readonly maxBodyBytes?: number;
  /** Default `unknown`. */
  readonly version?: string;
  readonly log?: Logger;
}

const DEFAULT_MAX_BODY_BYTES = 16 * 1024 * 1024;
/** How long requests that are under way may take to end. */
const LAST_WORDS_MS = 1_000;

export const ENDPOINTS: readonly AnyEndpoint[] = [
  ...healthEndpoints,
  ...taskEndpoints,
  ...stepEndpoints,
  ...scheduleEndpoints,
  ...handlerEndpoints,
  ...analyticsEndpoints,
];

export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #address: HttpAddress;
  readonly #tokens: readonly Token[] | undefined;
  readonly #log: Logger;
  #server: ServerType | undefined;

  /** @throws TreadleError `invalid_config`: an address, a file or a token that cannot be, or that would not be safe. */
  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#log = options.log ?? pino({ level: 'silent' });
    this.#tokens = options.tokens === undefined ? undefined : readTokens(options.tokens);
    const safety = { hasTokens: this.#tokens !== undefined, allowPlaintext: options.allowPlaintext ?? false };
    this.#address = addressOf(options.listen, safety);
  }

  /** Listens. Resolves with the base URL. @throws TreadleError `invalid_config` when the address cannot be had */
  start(): Promise<string> {
    const { host, port } = this.#address;
    return new Promise((resolve, reject) => {
      const server = serve({ fetch: this.#app().fetch, hostname: host, port }, (bound) => {
        const url = `http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`;
        this.#log.info({ url }, 'HTTP listens');
        resolve(url);
      });
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const why = cause.code === 'EADDRINUSE' ? 'somebody else listens there' : cause.message;
        const words = `HTTP: cannot listen on ${this.#options.listen}: ${why}`;
        reject(new TreadleError('invalid_config', words, { cause }));
      });
      this.#server = server;
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const cutOff = setTimeout(
      () => 'closeAllConnections' in server && server.closeAllConnections(),
      LAST_WORDS_MS,
    );
    if ('closeIdleConnections' in server) server.closeIdleConnections();
    await closed;
    clearTimeout(cutOff);
  }

  #app(): Hono {
    const app = new Hono();
    const maxSize = this.#options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
    app.use(
      bodyLimit({
        maxSize,
        onError: (context) => context.json({ error: `expected at most ${maxSize} bytes` }, 413),
      }),
    );
    const document = openApi(ENDPOINTS, this.#options.version ?? 'unknown');
    app.get('/openapi.json', (context) => context.json(document));
    for (const one of ENDPOINTS) {
      app.on(one.method.toUpperCase(), one.path.replaceAll(/\{(\w+)\}/g, ':$1'), (context) =>
        this.#answer(one, context),
      );
    }
    app.notFound((context) =>
      context.json({ error: `there is no ${context.req.method} ${context.req.path}` }, 404),
    );
    app.onError((error, context) => this.#failed(error, context));
    return app;
  }

  async #answer(one: AnyEndpoint, context: Context): Promise<Response> {
    const { engine, database: db } = this.#options;
    const caller = this.#caller(one, context);
    const call: Call<unknown, unknown, unknown> = {
      engine,
      db,
      caller,
      params: checked(one.params, checked(findable, context.req.param(), 404), 404),
      query: checked(one.query, checked(findable, context.req.query(), 400), 400),
      body: one.body === undefined ? undefined : checked(one.body, await bodyOf(context), 400),
    };
    const answer = await one.run(call as Call<never, never, never>);
    const status = one.status ?? 200;
    if (answer instanceof PlainText)
      return new Response(answer.text, { status, headers: { 'content-type': answer.type } });
    const text = answer instanceof JsonText ? answer.text : JSON.stringify(answer);
    return new Response(text, { status, headers: { 'content-type': 'application/json' } });
  }

  #caller({ permission }: AnyEndpoint, context: Context): Caller {
    if (permission === undefined) return new Caller('anybody', []);
    return callerOf(this.#tokens, context.req.header('authorization'), permission);
  }

  #failed(error: Error, context: Context): Response {
    const problem = problemOf(error);
    if (!problem) this.#log.error({ err: error, path: context.req.path }, 'a request failed');
    const { status, body } = problem ?? new Problem(500, { error: 'the engine could not go on with it' });
    return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
  }
}

/** What Postgres could neither keep nor look for. */
const findable = z.record(
  z.string(),
  z.string().refine(isStorableText, 'expected text without NUL or lone surrogates'),
);

function checked(schema: z.ZodType | undefined, given: unknown, status: number): unknown {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw status === 404 ? notFound('there is no such thing') : unfit(status, parsed.error.issues);
}

/** Nothing is as good as an empty object. */
async function bodyOf(context: Context): Promise<unknown> {
  const text = await context.req.text();
  if (text === '') return {};
  const { json, findings } = plainJson(parsedJson(text));
  const [first] = findings;
  if (first === undefined) return json;
  const where = first.at.length === 0 ? '' : ` at ${pathText(first.at)}`;
  throw new Problem(400, { error: `expected ${first.expected}${where}, received ${first.received}` });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(400, { error: 'expected a body that is JSON' });
  }
}
