// Claimed steps as messages: nothing is lost on the way, no message is over its limit, and shared JSON is written once.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitsAlone, messagesOf, wireAssignment } from '../../../bindings/grpc/worker/assignments.ts';
import { jsonText } from '../../../bindings/grpc/json-texts.ts';
import { traceContextOf } from '../../../bindings/grpc/worker/trace-context.ts';
import type { Json } from '../../../core/json.ts';
import { WorkResponse } from '../../../proto/gen/treadle/v1/worker.ts';
import type { ClaimedStep } from '../../../sql/delivery.ts';

const BACKOFF = { kind: 'fixed', seconds: 1 } as unknown as ClaimedStep['backoff'];

function stepWith(context: Record<string, Json>, given: Partial<ClaimedStep> = {}): ClaimedStep {
  const task = {
    task_id: 1,
    named_task_id: 1,
    namespace_name: 'shop',
    name: 'order',
    version: '1.0.0',
    context: Object.freeze(context),
    initiator: null,
    source_system: null,
    reason: null,
    tags: [],
    requested_at: '2026-01-31T12:00:00.000000Z',
    row_version: '1',
  };
  return {
    claim_id: 1,
    claim_token: '1.1.1.1',
    workflow_step_id: 1,
    task_id: 1,
    named_task_id: 1,
    step_name: 'pay',
    handler: 'Pay',
    attempt: 1,
    retry_limit: 3,
    retryable: true,
    inputs: task.context,
    results: {},
    handler_config: {},
    timeout_ms: null,
    backoff: BACKOFF,
    parent_results: {},
    task,
    ...given,
  };
}

const sizedOf = (step: ClaimedStep) => wireAssignment({ step, timeout_ms: 1 });

test('no message is ever over its limit, and all steps arrive in their order', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 400 });
  const step = fc
    .tuple(text, fc.dictionary(text, text, { maxKeys: 5 }), text)
    .map(([value, parents, results]) =>
      stepWith({ value }, { parent_results: parents, results, inputs: value }),
    );
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 2_000, max: 20_000 }),
      (steps, limit) => {
        const sized = steps.map(sizedOf).filter((one) => fitsAlone(one, limit));
        const messages = messagesOf(sized, limit);
        expect(messages.flat()).toEqual(sized.map(({ message }) => message));
        for (const assignments of messages) {
          const message = { $case: 'assignments' as const, value: { assignments } };
          expect(WorkResponse.encode({ message }).finish().length).toBeLessThanOrEqual(limit);
        }
      },
    ),
  );
});

test('the JSON of a shared frozen object is written once', () => {
  let written = 0;
  const shared = Object.freeze({
    big: 'x',
    toJSON() {
      written += 1;
      return { big: 'x' };
    },
  }) as unknown as Json;
  expect(jsonText(shared)).toBe(jsonText(shared));
  expect(written).toBe(1);
});

test('the JSON of an object that can change is written again', () => {
  const changing = { n: 1 };
  expect(jsonText(changing).text).toBe('{"n":1}');
  changing.n = 2;
  expect(jsonText(changing).text).toBe('{"n":2}');
});

test('what is empty stays out of the message', () => {
  const { message } = sizedOf(stepWith({ a: 1 }));
  expect(message).toMatchObject({ inputs_json: '', results_json: '', handler_config_json: '', parents: [] });
  expect(message.task).toMatchObject({ context_json: '{"a":1}', initiator: '', tags_json: '[]' });
});

test('inputs of its own, earlier results and parents are text', () => {
  const given = { inputs: [1], results: { tried: 1 }, parent_results: { a: null, b: 'x' } };
  expect(sizedOf(stepWith({ a: 1 }, given)).message).toMatchObject({
    inputs_json: '[1]',
    results_json: '{"tried":1}',
    parents: [
      { step_name: 'a', results_json: 'null' },
      { step_name: 'b', results_json: '"x"' },
    ],
  });
});

test.each<[Json, object]>([
  [['vip', 'traceparent:00-a-b-01', 'tracestate:k=v:w'], { traceparent: '00-a-b-01', tracestate: 'k=v:w' }],
  [['tracestatex:1'], {}],
  [{ traceparent: 'x' }, {}],
  [null, {}],
  [[1, null, 'traceparent:'], { traceparent: '' }],
])('the trace context of the tags %j is %j', (tags, context) => {
  expect(traceContextOf(tags)).toEqual(context);
});
