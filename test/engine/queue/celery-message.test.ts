// What is sent to Celery: every message passes the schema of the protocol, whatever a job carries.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { TaskJob } from '../../../engine/queue/adapter.ts';
import { levelOf } from '../../../engine/queue/celery/levels.ts';
import { celeryMessage, redisEnvelope } from '../../../engine/queue/celery/message.ts';
import { jobFor } from '../../../engine/queue/trial.ts';
import { ODD_JOBS } from '../../support/odd-jobs.ts';

const ID = '2f1f5a0e-6f5c-4d0e-9d0b-0a3f3a1f7b11';

function envelopeOf(job: TaskJob, priority = 3) {
  return JSON.parse(redisEnvelope({ message: celeryMessage(job, ID), priority }, 'celery')) as {
    body: string;
    headers: Record<string, unknown>;
    properties: Record<string, unknown>;
  };
}

function bodyOf(envelope: { body: string }): unknown {
  return JSON.parse(Buffer.from(envelope.body, 'base64').toString());
}

test('a message carries the task, and what it is found by in the logs', () => {
  const nothing = { callbacks: null, errbacks: null, chain: null, chord: null };
  expect(bodyOf(envelopeOf(jobFor(7)))).toEqual([
    [7],
    { reason: 'created', correlation_id: 'treadle-7' },
    nothing,
  ]);
});

test('a message names the task of the Python package, and a language that is not Python', () => {
  const { headers } = envelopeOf(jobFor(7));
  expect(headers).toMatchObject({ task: 'treadle.run_task', lang: 'js', id: ID, root_id: ID, eta: null });
});

test('a delayed message says until when the worker keeps it', () => {
  const run_at = new Date('2031-01-01T00:00:00.250Z');
  expect(envelopeOf({ ...jobFor(7), run_at }).headers['eta']).toBe('2031-01-01T00:00:00.250000+00:00');
});

test('a message always has the exchange without which a worker ends', () => {
  expect(envelopeOf(jobFor(7)).properties['delivery_info']).toEqual({ exchange: '', routing_key: 'celery' });
});

test('a priority that Redis does not know is refused before it is sent', () => {
  expect(() => envelopeOf(jobFor(7), 10)).toThrow(/priority/);
});

test('a task id that is none is refused before it is sent', () => {
  expect(() => celeryMessage(jobFor(0), ID)).toThrow(/Too small: expected number to be >0/);
});

test.each(ODD_JOBS)('a job with $what makes a message that passes the schema', ({ job }) => {
  const { headers } = celeryMessage(job, randomUUID());
  expect(JSON.stringify(headers).length).toBeLessThan(1000); // one frame of AMQP holds it
});

test('half a character does not reach Python', () => {
  const envelope = envelopeOf({ ...jobFor(7), correlation_id: 'a\ud83d' });
  expect(bodyOf(envelope)).toMatchObject([[7], { correlation_id: 'a\ufffd' }, {}]);
});

test.each([
  ['Redis', [0, 3, 6, 9], [0, 0, 3, 6, 9]],
  ['RabbitMQ', [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0], [10, 6, 5, 4, 0]],
  ['a broker with one level', [0], [0, 0, 0, 0, 0]],
])('priorities keep their order on the levels of %s', (_broker, levels, expected) => {
  expect([100, 1, 0, -1, -100].map((priority) => levelOf(priority, levels))).toEqual(expected);
});

test('a priority out of range gets the outermost level, and one that is no number the middle', () => {
  expect([1e9, -1e9, Infinity, NaN].map((priority) => levelOf(priority, [0, 3, 6, 9]))).toEqual([0, 9, 0, 3]);
});
