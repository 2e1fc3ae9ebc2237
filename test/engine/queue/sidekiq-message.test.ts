// The bytes that Sidekiq reads, version by version, as lib/sidekiq/client.rb and job_util.rb of each and ActiveJob write them.
import { describe, expect, test } from 'vitest';
import { sidekiqMessage, type MessageOrders } from '../../../engine/queue/sidekiq/message.ts';
import { sidekiqUrlOptions } from '../../../engine/queue/sidekiq/options.ts';
import { queueFor } from '../../../engine/queue/sidekiq/queues.ts';
import { TreadleError } from '../../../core/errors.ts';

const facts = {
  correlation_id: 'order-7',
  reason: 'created',
  pending_key: 'treadle:pending:default:treadle:task:7',
} as const;
const orders: MessageOrders = {
  format: 7,
  mode: 'treadle',
  queue: 'default',
  task_id: 7,
  facts,
  run_at: undefined,
  now: 1_700_000_000_000,
};
const head = { retry: true, queue: 'default', jid: expect.stringMatching(/^[0-9a-f]{24}$/) as string };

function messageOf(changes: Partial<MessageOrders>): Record<string, unknown> {
  return JSON.parse(sidekiqMessage({ ...orders, ...changes })) as Record<string, unknown>;
}

describe('a job of our own class', () => {
  const work = { ...head, class: 'Treadle::RunTaskJob', args: [7], treadle: facts };

  test.each([6, 7] as const)('Sidekiq %i reads times as seconds', (format) => {
    const time = 1_700_000_000.0005;
    expect(messageOf({ format })).toEqual({ ...work, created_at: time, enqueued_at: time });
  });

  test('Sidekiq 8 reads times as whole milliseconds', () => {
    const time = 1_700_000_000_000;
    expect(messageOf({ format: 8 })).toEqual({ ...work, created_at: time, enqueued_at: time });
  });

  // 6 and 7: Time.now.to_f; 8: Process.clock_gettime(CLOCK_REALTIME, :millisecond), and Float tells the older ones apart
  test.each([
    [6, '1700000000.0005'],
    [7, '1700000000.0005'],
    [8, '1700000000000'],
  ] as const)('is these bytes to Sidekiq %i, now and for later', (format, time) => {
    const before = '{"retry":true,"queue":"default","class":"Treadle::RunTaskJob","args":[7],"jid":"JID",';
    const after = '"treadle":{"correlation_id":"order-7","reason":"created","pending_key":"PENDING"}}';
    const textOf = (run_at: Date | undefined) =>
      sidekiqMessage({ ...orders, format, run_at, facts: { ...facts, pending_key: 'PENDING' } });
    const bytes = (text: string) => text.replace(/(?<="jid":")[0-9a-f]{24}/, 'JID');
    expect(bytes(textOf(undefined))).toBe(`${before}"created_at":${time},"enqueued_at":${time},${after}`);
    expect(bytes(textOf(new Date(1_700_000_060_000)))).toBe(`${before}"created_at":${time},${after}`);
  });

  test('a time in seconds is a Float to Ruby, also at a full second', () => {
    expect(sidekiqMessage({ ...orders, format: 6 })).toContain('"created_at":1700000000.0005');
  });

  test('a delayed job has not been enqueued yet', () => {
    const run_at = new Date(1_700_000_060_000);
    expect(messageOf({ run_at })).toEqual({ ...work, created_at: 1_700_000_000.0005 });
  });

  test('no two jobs have one id', () => {
    expect(messageOf({})['jid']).not.toBe(messageOf({})['jid']);
  });
});

describe('a job of ActiveJob', () => {
  const RAILS = 'ActiveJob::QueueAdapters::SidekiqAdapter::JobWrapper';
  const jobOf = (job_class: string) => ({
    job_class,
    job_id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as string,
    provider_job_id: null,
    queue_name: 'default',
    priority: null,
    arguments: [7],
    executions: 0,
    exception_executions: {},
    enqueued_at: '2023-11-14T22:13:20.000Z',
  });

  test.each([
    [6, 'active_job', RAILS, 'Treadle::TaskRunnerJob'],
    [7, 'active_job', RAILS, 'Treadle::TaskRunnerJob'],
    [8, 'active_job', 'Sidekiq::ActiveJob::Wrapper', 'Treadle::TaskRunnerJob'],
    [6, 'tasker', RAILS, 'Tasker::TaskRunnerJob'],
    [8, 'tasker', 'Sidekiq::ActiveJob::Wrapper', 'Tasker::TaskRunnerJob'],
  ] as const)('for Sidekiq %i in mode %s is wrapped by %s', (format, mode, wrapper, wrapped) => {
    const message = messageOf({ format, mode });
    expect(message).toMatchObject({ ...head, class: wrapper, wrapped, treadle: facts });
    expect(message['args']).toEqual([jobOf(wrapped)]);
  });
});

test.each([
  [100, 'urgent'],
  [90, 'urgent'],
  [50, 'high'],
  [0, 'default'],
  [-10, 'default'],
  [-100, 'low'],
])('priority %i leads to the queue %s', (priority, queue) => {
  const queues = [
    { queue: 'high', from: 50 },
    { queue: 'low', from: -50 },
    { queue: 'urgent', from: 90 },
  ];
  expect(queueFor(priority, 'default', queues)).toBe(queue);
});

describe('the URL', () => {
  const optionsOf = (query: string) =>
    sidekiqUrlOptions(new URL(`sidekiq://:secret@localhost:6379/0${query}`));

  test('says which queues, format and mode', () => {
    const query = '?queue=tasks&format=8&mode=active_job&priority_queues=high:50,low:-50';
    const priorityQueues = [
      { queue: 'high', from: 50 },
      { queue: 'low', from: -50 },
    ];
    const named = { queue: 'tasks', format: 8, mode: 'active_job', priorityQueues };
    expect(optionsOf(query)).toEqual({ ...named, tls: {} });
  });

  test('needs to say nothing', () => {
    const usual = { queue: 'default', format: 7, mode: 'treadle', priorityQueues: [] };
    expect(optionsOf('')).toEqual({ ...usual, tls: {} });
  });

  test.each([
    ['?format=5', 'format: expected 6, 7 or 8, the major version of Sidekiq, came "5"'],
    ['?mode=rails', 'mode: expected one of treadle, active_job, tasker, came "rails"'],
    ['?queue=a%20b', 'queue: expected the name of a queue: letters, digits, "_", "-" or ".", came "a b"'],
    ['?quue=a', ', mode, priority_queues, tls_ca, tls_cert, tls_key, came quue'],
    ['?priority_queues=high', 'came "high"'],
    ['?priority_queues=high:0', 'that is not 0, such as high:50,low:-50, came "high:0"'],
  ])('%s is refused in one line without the password', (query, message) => {
    const refused = () => optionsOf(query);
    expect(refused).toThrow(TreadleError);
    expect(refused).toThrow(message);
    expect(refused).not.toThrow(/secret|\n/);
  });
});
