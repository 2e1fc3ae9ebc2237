// What a thrown error becomes on its way to a client: status, words, and google.rpc details within the room of trailers.
import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Refusal } from '../../../bindings/grpc/refusal.ts';
import { statusOf } from '../../../bindings/grpc/errors.ts';
import { ERROR_CODES, GRPC_STATUSES, TreadleError } from '../../../core/errors.ts';
import { invalid } from '../../../core/template/problems.ts';
import { LogBook } from '../../support/logs.ts';
import { decodeDetails } from '../../support/rpc-details.ts';

const silent = pino({ level: 'silent' });

function answered(error: unknown) {
  const { code, details, metadata } = statusOf(error, silent);
  const [bytes] = metadata.get('grpc-status-details-bin') as Buffer[];
  if (!bytes) throw new Error('there are no details');
  return { status: status[code], message: details, bytes: bytes.length, ...decodeDetails(bytes) };
}

test('every code of the closed list has a status of gRPC', () => {
  expect(Object.keys(GRPC_STATUSES)).toEqual(Object.keys(ERROR_CODES));
  for (const name of Object.values(GRPC_STATUSES)) expect(status).toHaveProperty(name);
});

test.each(Object.entries(GRPC_STATUSES))('%s is answered as %s with its code as the reason', (code, name) => {
  const answer = answered(new TreadleError(code as keyof typeof GRPC_STATUSES, 'words'));
  expect(answer).toMatchObject({ status: name, reason: code.toUpperCase(), domain: 'treadle' });
});

test('details of an error are its metadata, as text', () => {
  const details = { task_id: 7, states: ['complete'], source: 'task a', nothing: undefined };
  expect(answered(new TreadleError('unknown_task', 'there is no task 7', { details }))).toMatchObject({
    message: 'there is no task 7',
    metadata: { task_id: '7', states: '["complete"]', source: 'task a' },
  });
});

test('every wrong place of a context is a violation of its field', () => {
  const findings = [
    { at: ['context', 'lines', 2, 'sku'], expected: 'text', received: '7' },
    { at: ['context', 'total'], expected: 'a number', received: 'nothing' },
  ];
  expect(answered(invalid('invalid_context', 'task order', findings)).violations).toEqual({
    'context.lines[2].sku': 'expected text, came 7',
    'context.total': 'expected a number, came nothing',
  });
});

test('a thousand wrong fields in long words of many bytes fit into the trailers of a client', () => {
  const long = '\u{1F9F5}'.repeat(500);
  const findings = Array.from({ length: 1000 }, (_, index) => ({
    at: [long, index],
    expected: long,
    received: long,
  }));
  const { message, bytes, violations } = answered(invalid('invalid_context', 'task order', findings));
  expect(encodeURI(message).length + (bytes * 4) / 3).toBeLessThan(7500);
  expect(Object.keys(violations).length).toBeGreaterThan(0);
  expect(message).not.toContain('\uFFFD');
});

test('of what nobody has foreseen a client hears nothing, and the log everything', () => {
  const { log, lines } = new LogBook();
  const answer = statusOf(new TypeError('cannot read secrets of undefined'), log);
  expect(answer).toMatchObject({ code: status.INTERNAL });
  expect(answer.details).not.toContain('secrets');
  expect(lines).toEqual([
    expect.objectContaining({ level: 50, err: expect.objectContaining({ type: 'TypeError' }) }),
  ]);
});

test('where Postgres lives is no concern of a client', () => {
  const error = new TreadleError(
    'database_unavailable',
    'Postgres is away: connect ECONNREFUSED 10.0.0.7:5432',
  );
  expect(answered(error)).toMatchObject({
    status: 'UNAVAILABLE',
    message: 'Postgres is away: try again later',
  });
});

test('a refusal keeps its own status and words', () => {
  const refusal = new Refusal(status.PERMISSION_DENIED, 'not with this token');
  expect(answered(refusal)).toMatchObject({ reason: 'PERMISSION_DENIED', message: 'not with this token' });
});
