// The ready-made handler `http`: one HTTP request, described by the template's handler_config alone.
// Which answers are worth another attempt is said once, in `refuse`.
import { z } from 'zod';
import { PermanentError, RetryableError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { parseHttpDate, parseRetryAfter } from '../core/retry-after.ts';
import { TimeoutError, withinDeadline } from './deadline.ts';
import { fill, fillText, fillUrl, type Values } from './http-template.ts';
import type { StepContext } from './step-context.ts';
import { StepHandler } from './step-handler.ts';
import { StopOrder } from './stop-order.ts';

/** Strings of url, headers and body may hold `{{context.path}}` and `{{results.step_name.path}}`. */
const configSchema = z.strictObject({
  /** Values put into it are URL-encoded, except one it begins with. */
  url: z.string().min(1),
  method: z
    .string()
    .regex(/^[A-Za-z]+$/)
    .transform((method) => method.toUpperCase())
    .default('GET'),
  headers: z.record(z.string(), z.string()).default({}),
  /** A string is sent as it is, anything else as JSON. */
  body: z.json().optional(),
  /** Seconds for the whole exchange, within the step's own timeout. */
  timeout: z.number().positive().max(86_400).default(30),
  /** A longer body fails the step for good: results are stored in a row of the database. */
  max_response_bytes: z.int().positive().default(1_048_576),
});
export type HttpConfig = z.output<typeof configSchema>;

/** What children read. */
export interface HttpOutput {
  status: number;
  headers: Record<string, string>;
  /** Parsed when the answer says it is JSON, else text; null when empty. */
  body: Json;
}

interface Types {
  config: HttpConfig;
  output: HttpOutput;
}

/** Answers that another attempt cannot change. */
const PERMANENT_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 404, 422]);

/** Characters of an error's body that go into the message. */
const EXCERPT_CHARS = 200;

/** Sends one request. Attempts are made at least once, so the other side should know a request it has seen before. */
export class HttpHandler extends StepHandler<Types> {
  static override readonly handlerName = 'http';
  static override readonly config = configSchema;

  async process({ config, task, sequence, signal }: StepContext<Types>): Promise<HttpOutput> {
    const results = Object.fromEntries(sequence.names().map((name) => [name, sequence.result(name)]));
    const request = buildRequest(config, { context: task.context, results });
    const stop = new StopOrder();
    signal.addEventListener('abort', () => stop.give(signal.reason as Error), { once: true });
    const deadline = {
      timeoutMs: config.timeout * 1000,
      onTimeout: (reason: Error) => stop.give(reason),
      onLate: () => {},
    };
    try {
      return await withinDeadline(deadline, () => exchange(request, stop.signal, config.max_response_bytes));
    } catch (error) {
      signal.throwIfAborted();
      throw explain(error, request, config);
    }
  }
}

async function exchange(request: Request, signal: AbortSignal, maxBytes: number): Promise<HttpOutput> {
  const response = await fetch(request, { signal });
  const { text, whole } = await readText(response, maxBytes);
  if (!response.ok) throw refuse(request, response, text);
  if (!whole) {
    throw new PermanentError(`expected at most ${maxBytes} bytes from ${nameOf(request)}, got more`, {
      errorCode: 'RESPONSE_TOO_LARGE',
    });
  }
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: parseBody(request, response, text),
  };
}

function buildRequest(config: HttpConfig, values: Values): Request {
  const url = fillUrl(config.url, values);
  const body = config.body === undefined ? undefined : fill(config.body, values);
  const headers = Object.entries(config.headers).map(
    ([name, value]) => [name, fillText(value, values)] as const,
  );
  try {
    const request = new Request(url, {
      method: config.method,
      headers: headers.map(([name, value]) => [name, value]),
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    if (!/^https?:/.test(request.url)) throw new TypeError('expected an http or https url');
    const declared = headers.some(([name]) => name.toLowerCase() === 'content-type');
    if (body !== undefined && typeof body !== 'string' && !declared) {
      request.headers.set('content-type', 'application/json');
    }
    return request;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PermanentError(`expected a request that can be sent: ${reason}`, {
      errorCode: 'INVALID_REQUEST',
      cause: error,
    });
  }
}

/** The body, or its beginning when it is longer than `maxBytes`. */
async function readText(response: Response, maxBytes: number): Promise<{ text: string; whole: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    chunks.push(chunk);
    if (size > maxBytes) break; // leaving the loop closes the stream
  }
  const text = Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8');
  return { text, whole: size <= maxBytes };
}

function parseBody(request: Request, response: Response, text: string): Json {
  if (text === '') return null;
  if (!/[/+]json\b/.test(response.headers.get('content-type') ?? '')) return text;
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new RetryableError(`expected JSON from ${nameOf(request)}, as its content-type says`, {
      cause: error,
    });
  }
}

/** What an answer other than 2xx means. */
function refuse(request: Request, response: Response, text: string): PermanentError | RetryableError {
  const excerpt = text === '' ? '' : `: ${text.slice(0, EXCERPT_CHARS)}`;
  const message = `${nameOf(request)} answered ${response.status}${excerpt}`;
  if (PERMANENT_STATUSES.has(response.status)) {
    return new PermanentError(message, { errorCode: `HTTP_${response.status}` });
  }
  const retryAfter = retryAfterOf(response);
  return new RetryableError(message, retryAfter === undefined ? {} : { retryAfter });
}

/** Both instants come from the other side's clock when it tells its time. */
function retryAfterOf(response: Response): number | undefined {
  const answeredAt = parseHttpDate(response.headers.get('date') ?? '');
  return parseRetryAfter(response.headers.get('retry-after'), answeredAt);
}

/** The request in a message: without its query, which may hold a secret. */
function nameOf(request: Request): string {
  const { origin, pathname } = new URL(request.url);
  return `${request.method} ${origin}${pathname}`;
}

/** What went wrong below HTTP: connection, name, our own time limit. All of it may pass. */
function explain(error: unknown, request: Request, config: HttpConfig): Error {
  if (error instanceof PermanentError || error instanceof RetryableError) return error;
  if (error instanceof TimeoutError) {
    return new RetryableError(`${nameOf(request)} took longer than ${config.timeout} s`, {
      cause: error,
    });
  }
  const below = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  return new RetryableError(`${nameOf(request)} failed: ${below}`, { cause: error });
}
