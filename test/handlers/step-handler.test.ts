import { expect, test } from 'vitest';
import { z } from 'zod';
import { PermanentError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import { runStep, StepHandler } from '../../handlers/step-handler.ts';
import type { StepView } from '../../handlers/step-view.ts';
import { stepInvocation } from '../support/step-invocation.ts';

/** A handler whose process is the given function. */
function handler(process: (context: StepContext) => unknown) {
  return new (class Subject extends StepHandler {
    process(context: StepContext) {
      return process(context);
    }
  })();
}

const complete = (results: Json): Outcome => ({
  kind: 'complete',
  results,
  results_json: JSON.stringify(results),
});

test('what process returns becomes the results', async () => {
  const outcome = await runStep(
    handler(async () => ({ reserved: 2 })),
    stepInvocation().invocation,
  );
  expect(outcome).toEqual(complete({ reserved: 2 }));
});

test.each<[string, unknown, Json]>([
  ['nothing becomes an empty object', undefined, {}],
  ['null stays null', null, null],
  ['a string stays a string', 'done', 'done'],
  ['a list stays a list', [1, 'b'], [1, 'b']],
  ['a date becomes its ISO text', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
  ['an undefined property vanishes', { a: undefined, b: 1 }, { b: 1 }],
])('%s', async (_name, returned, results) => {
  expect(
    await runStep(
      handler(() => returned),
      stepInvocation().invocation,
    ),
  ).toEqual(complete(results));
});

test('results do not change when the handler changes its object later', async () => {
  const kept = { count: 1 };
  const outcome = await runStep(
    handler(() => kept),
    stepInvocation().invocation,
  );
  kept.count = 2;
  expect(outcome).toEqual(complete({ count: 1 }));
});

const circle: Record<string, unknown> = {};
circle['self'] = circle;
const deep = JSON.parse('['.repeat(2000) + ']'.repeat(2000)) as unknown;

test.each<[string, unknown, RegExp]>([
  ['a BigInt', { n: 1n }, /BigInt/],
  ['a circle', circle, /circular/i],
  ['a function', () => 1, /got a function/],
  ['U+0000', { text: 'a\0b' }, /U\+0000/],
  ['half of a surrogate pair', '\ud83d', /surrogate/],
  ['two thousand levels', deep, /deeper than 1000/],
])('%s cannot be stored and fails for good', async (_name, returned, message) => {
  const outcome = await runStep(
    handler(() => returned),
    stepInvocation().invocation,
  );
  expect(outcome).toMatchObject({ kind: 'error', code: 'invalid_output', permanent: true });
  expect(outcome).toHaveProperty('error', expect.stringMatching(message));
});

test('a text that only looks like an escaped U+0000 can be stored', async () => {
  const outcome = await runStep(
    handler(() => String.raw`\u0000 and 😀`),
    stepInvocation().invocation,
  );
  expect(outcome).toEqual(complete(String.raw`\u0000 and 😀`));
});

test('results that the handler set itself are kept', async () => {
  const subject = handler(({ step }) => {
    step.results = { mine: true };
    return { dropped: true };
  });
  expect(await runStep(subject, stepInvocation().invocation)).toEqual(complete({ mine: true }));
});

test('results that the handler changed in place are kept, and the row of the engine stays as it was', async () => {
  const { invocation } = stepInvocation({ step: { results: { page: 1 } } });
  const subject = handler(({ step }) => {
    Object.assign(step.results as object, { page: 2 });
    return { dropped: true };
  });
  expect(await runStep(subject, invocation)).toEqual(complete({ page: 2 }));
  expect(invocation.step.results).toEqual({ page: 1 });
});

test('results that were only read, or set to what they were, give way to the output', async () => {
  const { invocation } = stepInvocation({ step: { results: { page: 1 } } });
  const subject = handler(({ step }) => {
    step.results = { page: (step.results as { page: number }).page };
    return { output: true };
  });
  expect(await runStep(subject, invocation)).toEqual(complete({ output: true }));
});

test('processResults decides what the results are, and sees what an earlier attempt left', async () => {
  class Totals extends StepHandler<{ returns: number[]; output: { total: number } }> {
    process() {
      return Promise.resolve([1, 2, 3]);
    }
    override async processResults(step: StepView, output: number[], initialResults: Json) {
      step.results = { total: output.length, before: initialResults };
    }
  }
  const { invocation } = stepInvocation({ step: { results: { error: 'earlier' } } });
  expect(await runStep(new Totals(), invocation)).toEqual(
    complete({ total: 3, before: { error: 'earlier' } }),
  );
});

class Declared extends StepHandler<{
  config: { retries: number };
  context: { order_id: number };
  needs: { validate: { at: Date } };
  output: { year: number };
}> {
  static override config = z.object({ retries: z.number().default(4) });
  static override context = z.object({ order_id: z.number() });
  static override needs = z.object({ validate: z.object({ at: z.coerce.date() }) });
  static override output = z.object({ year: z.number() });

  process({ config, task, sequence, step }: StepContext<NonNullable<Declared['__types']>>) {
    const year = sequence.result('validate').at.getUTCFullYear() + config.retries + task.context.order_id;
    return { year: step.inputs === 'break' ? ('x' as unknown as number) : year, unknown: 'dropped' };
  }
}
const parents = { validate: { at: '2020-01-01' }, other: 1 };

test('declared schemas give process their defaults and coercions, and the children what the schema knows', async () => {
  const { invocation } = stepInvocation({ parent_results: parents });
  expect(await runStep(new Declared(), invocation)).toEqual(complete({ year: 2036 }));
});

test.each([
  ['handler_config', { handler_config: { retries: 'x' } }, 'invalid_config', /^handler_config\.retries: /],
  ['context', { task: { context: { order_id: 'x' } } }, 'invalid_input', /^context\.order_id: /],
  ['a parent', { parent_results: { validate: {} } }, 'invalid_input', /^results\.validate\.at: /],
  ['output', { step: { inputs: 'break' } }, 'invalid_output', /^output\.year: /],
])('%s that does not fit its schema fails for good and says where', async (_name, wrong, code, message) => {
  const { invocation } = stepInvocation({ parent_results: parents, ...wrong });
  const outcome = await runStep(new Declared(), invocation);
  expect(outcome).toMatchObject({ kind: 'error', code, permanent: true, error_class: 'DeclarationError' });
  expect(outcome).toHaveProperty('error', expect.stringMatching(message));
});

test('a parent that the schema of needs leaves out is offered all the same', async () => {
  class Asking extends Declared {
    override before({ sequence }: StepContext) {
      throw new Error(sequence.names().join());
    }
  }
  const outcome = await runStep(new Asking(), stepInvocation({ parent_results: parents }).invocation);
  expect(outcome).toMatchObject({ error: 'validate,other' });
});

test('the sequence offers the direct parents and no other', async () => {
  const { invocation } = stepInvocation({ parent_results: { a: null, b: [1] } });
  const subject = handler(({ sequence }) => ({ names: sequence.names(), b: sequence.result('b') }));
  expect(await runStep(subject, invocation)).toEqual(complete({ names: ['a', 'b'], b: [1] }));
  const asking = await runStep(
    handler(({ sequence }) => sequence.result('constructor')),
    invocation,
  );
  expect(asking).toMatchObject({ error_class: 'TreadleError', error: expect.stringContaining('a, b') });
});

/** Writes down which of its stages ran. */
class Staged extends StepHandler {
  readonly ran: string[] = [];
  readonly breakAt: string;
  constructor(breakAt = '') {
    super();
    this.breakAt = breakAt;
  }
  stage(name: string) {
    this.ran.push(name);
    if (name === this.breakAt) throw new Error(`${name} broke`);
  }
  override before() {
    this.stage('before');
  }
  process(): unknown {
    return this.stage('process');
  }
  override async after(_context: StepContext, outcome: Outcome) {
    this.stage(`after ${outcome.kind}`);
  }
}

test('hooks run around process, in order', async () => {
  const subject = new Staged();
  await runStep(subject, stepInvocation().invocation);
  expect(subject.ran).toEqual(['before', 'process', 'after complete']);
});

test('a before-hook that throws fails the attempt, retryable, and process does not run', async () => {
  const subject = new Staged('before');
  const outcome = await runStep(subject, stepInvocation().invocation);
  expect(outcome).toMatchObject({ code: 'handler_error', permanent: false, error: 'before broke' });
  expect(subject.ran).toEqual(['before', 'after error']);
});

test('an after-hook that throws is logged and changes nothing', async () => {
  const { invocation, lines } = stepInvocation();
  const outcome = await runStep(new Staged('after complete'), invocation);
  expect(outcome).toEqual(complete({}));
  expect(lines).toEqual([expect.objectContaining({ level: 50, msg: expect.stringContaining('after-hook') })]);
});

test('no hook runs when the input does not fit', async () => {
  class Picky extends Staged {
    static override context = z.object({ missing: z.string() });
  }
  const subject = new Picky();
  expect(await runStep(subject, stepInvocation().invocation)).toMatchObject({ code: 'invalid_input' });
  expect(subject.ran).toEqual([]);
});

test('an attempt publishes one event before and one after it', async () => {
  const { invocation, events } = stepInvocation();
  await runStep(handler(() => { throw new PermanentError('no'); }), invocation); // prettier-ignore
  const facts = { task_id: 7, workflow_step_id: 70, step_name: 'reserve', handler: 'Subject', attempt: 1 };
  expect(events).toEqual([
    { event: 'step.before_handle', payload: { ...facts, retry_limit: 3 } },
    {
      event: 'step.handle',
      payload: {
        ...facts,
        retry_limit: 3,
        kind: 'error',
        code: 'permanent',
        execution_duration: expect.any(Number),
      },
    },
  ]);
});

test('no event is made that nobody hears', async () => {
  const { invocation, events } = stepInvocation({ isHeard: (event) => event === 'step.handle' });
  await runStep(handler(() => 1), invocation); // prettier-ignore
  expect(events.map(({ event }) => event)).toEqual(['step.handle']);
});

test('a copy of the context has all that the context has', async () => {
  const { invocation, lines } = stepInvocation();
  class Wrapping extends StepHandler {
    override process(context: StepContext) {
      const { log, signal, transaction } = { ...context };
      log.info('of the copy');
      return { aborted: signal.aborted, transaction: typeof transaction };
    }
  }
  const outcome = await runStep(new Wrapping(), invocation);
  expect(outcome).toEqual(complete({ aborted: false, transaction: 'function' }));
  expect(lines).toEqual([expect.objectContaining({ msg: 'of the copy', attempt: 1 })]);
});

test('the signal and the log of a context are the same each time', async () => {
  const { invocation } = stepInvocation();
  const subject = handler((context) => ({
    signal: context.signal === context.signal,
    log: context.log === context.log,
  }));
  expect(await runStep(subject, invocation)).toEqual(complete({ signal: true, log: true }));
});

test('the name that the template uses goes into events and log lines', async () => {
  const { invocation, events, lines } = stepInvocation({ handler: 'OrderProcess::Ship' });
  await runStep(handler(({ log }) => log.info('working')), invocation); // prettier-ignore
  expect(events[0]?.payload).toMatchObject({ handler: 'OrderProcess::Ship' });
  expect(lines).toEqual([
    expect.objectContaining({ task_id: 7, workflow_step_id: 70, handler: 'OrderProcess::Ship', attempt: 1 }),
  ]);
});

test('a listener that throws is logged and changes nothing', async () => {
  const emit = () => {
    throw new Error('listener broke');
  };
  const { invocation, lines } = stepInvocation({ emit });
  expect(
    await runStep(
      handler(() => 1),
      invocation,
    ),
  ).toEqual(complete(1));
  expect(lines.map((line) => line['event'])).toEqual(['step.before_handle', 'step.handle']);
});

test('a broken logger ends in a failed outcome, not in a rejection', async () => {
  const { invocation } = stepInvocation();
  const log = new Proxy(invocation.log, {
    get() {
      throw new Error('log broke');
    },
  });
  expect(await runStep(new Staged('after complete'), { ...invocation, log })).toMatchObject({
    error: 'log broke',
  });
});

test('the lifecycle runs even where JavaScript overrode handle', async () => {
  const subject = handler(() => 'by process');
  Object.defineProperty(subject, 'handle', { value: () => 'by handle' });
  expect(await runStep(subject, stepInvocation().invocation)).toEqual(complete('by process'));
});
