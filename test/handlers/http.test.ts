import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { HttpHandler } from '../../handlers/http.ts';
import type { StepInvocation } from '../../handlers/step-context.ts';
import { runStep } from '../../handlers/step-handler.ts';
import { StopOrder } from '../../handlers/stop-order.ts';
import { stepInvocation } from '../support/step-invocation.ts';

const servers: Server[] = [];

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const request = (handler_config: JsonObject, more: Partial<StepInvocation> = {}) =>
  runStep(new HttpHandler(), stepInvocation({ handler_config, ...more }).invocation);

/** Answers with what it was asked. */
const echo: RequestListener = (incoming: IncomingMessage, answer) => {
  void text(incoming).then((body) => {
    const { method, url, headers } = incoming;
    answer.setHeader('content-type', 'application/json; charset=utf-8');
    answer.end(JSON.stringify({ method, url, type: headers['content-type'], key: headers['x-key'], body }));
  });
};

test('a 2xx answer becomes status, headers and body', async () => {
  const url = await serve(echo);
  const outcome = await request({ url: `${url}/orders` });
  expect(outcome).toMatchObject({
    kind: 'complete',
    results: { status: 200, headers: { connection: 'keep-alive' }, body: { method: 'GET', url: '/orders' } },
  });
});

test('placeholders fill url, headers and body, and keep the type of a value that stands alone', async () => {
  const url = await serve(echo);
  const outcome = await request(
    {
      url: `${url}/orders/{{context.order_id}}?who={{ results.validate.who }}`,
      method: 'post',
      headers: { 'x-key': 'order-{{context.order_id}}' },
      body: {
        id: '{{context.order_id}}',
        items: ['{{results.validate.items.0}}'],
        note: 'for {{context.order_id}}',
      },
    },
    { parent_results: { validate: { who: 'a/b&c', items: [{ sku: 'x' }] } } },
  );
  const body = JSON.stringify({ id: 12, items: [{ sku: 'x' }], note: 'for 12' });
  const seen = {
    method: 'POST',
    url: '/orders/12?who=a%2Fb%26c',
    type: 'application/json',
    key: 'order-12',
    body,
  };
  expect(outcome).toMatchObject({ results: { body: seen } });
});

test.each([
  ['{{context.nothing}}', 'MISSING_VALUE'],
  ['{{context.constructor}}', 'MISSING_VALUE'],
  ['{{results.reserve.id}}', 'MISSING_VALUE'],
  ['http://127.0.0.1/a/{{results.validate.climb}}/b', 'UNSAFE_VALUE'],
  ['ftp://127.0.0.1/', 'INVALID_REQUEST'],
  ['nowhere', 'INVALID_REQUEST'],
])('the url %s fails for good with %s', async (url, error_code) => {
  const outcome = await request({ url }, { parent_results: { validate: { climb: '..' } } });
  expect(outcome).toMatchObject({ kind: 'error', code: 'permanent', results: { error_code } });
});

test.each([400, 401, 403, 404, 422])('%i fails for good', async (status) => {
  const url = await serve((_request, answer) => answer.writeHead(status).end('because'));
  const outcome = await request({ url: `${url}/a?token=secret` });
  expect(outcome).toMatchObject({ code: 'permanent', results: { error_code: `HTTP_${status}` } });
  expect(outcome).toHaveProperty('error', `GET ${url}/a answered ${status}: because`);
});

test.each([302, 409, 429, 500, 503])('%i is worth another attempt', async (status) => {
  const url = await serve((_request, answer) => answer.writeHead(status).end());
  expect(await request({ url })).toMatchObject({ code: 'retryable', permanent: false });
});

test.each([
  ['17', 17],
  ['Thu, 01 Jan 2026 00:02:00 GMT', 120],
])('Retry-After: %s is respected, by the clock of the other side', async (header, seconds) => {
  const url = await serve((_request, answer) => {
    answer.writeHead(429, { 'retry-after': header, date: 'Thu, 01 Jan 2026 00:00:00 GMT' }).end();
  });
  expect(await request({ url })).toMatchObject({ code: 'retryable', retry_after_seconds: seconds });
});

test('an answer that takes longer than the configured timeout is worth another attempt', async () => {
  const url = await serve(() => {});
  const outcome = await request({ url, timeout: 0.05 });
  expect(outcome).toMatchObject({ code: 'retryable', error: expect.stringContaining('longer than 0.05 s') });
});

test('the timeout of the step closes the connection', async () => {
  let closed: Promise<unknown> | undefined;
  const url = await serve((incoming) => {
    closed = new Promise((resolve) => incoming.socket.once('close', resolve));
  });
  expect(await request({ url }, { timeout_ms: 200 })).toMatchObject({ code: 'timed_out' });
  await closed;
});

test('a cancellation ends the request with its own reason', async () => {
  const stop = new StopOrder();
  const url = await serve(() => stop.give(new Error('the task was cancelled')));
  const outcome = await request({ url }, { stop });
  expect(outcome).toMatchObject({ code: 'handler_error', error: 'the task was cancelled' });
});

test('a server that is not there is worth another attempt, and the message says what happened', async () => {
  const url = await serve(echo);
  await new Promise((resolve) => servers.pop()?.close(resolve));
  expect(await request({ url })).toMatchObject({
    code: 'retryable',
    error: expect.stringContaining('ECONNREFUSED'),
  });
});

test('a body beyond the limit fails for good', async () => {
  const url = await serve((_request, answer) => answer.end('x'.repeat(2000)));
  const outcome = await request({ url, max_response_bytes: 1999 });
  expect(outcome).toMatchObject({ code: 'permanent', results: { error_code: 'RESPONSE_TOO_LARGE' } });
  expect(await request({ url, max_response_bytes: 2000 })).toMatchObject({ kind: 'complete' });
});

test('an error with a body beyond the limit is still judged by its status', async () => {
  const url = await serve((_request, answer) => answer.writeHead(500).end('x'.repeat(2000)));
  expect(await request({ url, max_response_bytes: 100 })).toMatchObject({ code: 'retryable' });
});

test('JSON that is none is worth another attempt', async () => {
  const url = await serve((_request, answer) =>
    answer.setHeader('content-type', 'application/json').end('{'),
  );
  expect(await request({ url })).toMatchObject({
    code: 'retryable',
    error: expect.stringContaining('expected JSON'),
  });
});

test('a wrong handler_config is refused', async () => {
  expect(await request({ url: 'http://x/', retries: 3 })).toMatchObject({
    code: 'invalid_config',
    permanent: true,
  });
});
