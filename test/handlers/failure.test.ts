import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PermanentError, RetryableError } from '../../core/errors.ts';
import { failedOutcome } from '../../handlers/failure.ts';
import { runStep, StepHandler } from '../../handlers/step-handler.ts';
import { deferred, settled, stepInvocation } from '../support/step-invocation.ts';

/** The outcome of a handler that puts something into its results and throws. */
async function thrown(error: unknown, results?: unknown) {
  class Throwing extends StepHandler {
    async process({ step }: Parameters<StepHandler['process']>[0]) {
      if (results !== undefined) step.results = results;
      throw error;
    }
  }
  return runStep(new Throwing(), stepInvocation().invocation);
}

test('an error of any kind is retryable and keeps message, class and stack', async () => {
  const error = new RangeError('out of stock');
  expect(await thrown(error)).toEqual({
    kind: 'error',
    code: 'handler_error',
    permanent: false,
    error: 'out of stock',
    error_class: 'RangeError',
    backtrace: error.stack,
  });
});

test('a PermanentError leaves no attempt and keeps its error code among the results', async () => {
  const outcome = await thrown(new PermanentError('card expired', { errorCode: 'CARD' }), { tried: 1 });
  expect(outcome).toMatchObject({
    code: 'permanent',
    permanent: true,
    results: { tried: 1, error_code: 'CARD' },
  });
});

test('a RetryableError asks for its delay', async () => {
  const outcome = await thrown(new RetryableError('busy', { retryAfter: 30 }));
  expect(outcome).toMatchObject({ code: 'retryable', permanent: false, retry_after_seconds: 30 });
});

test.each([undefined, Number.NaN, Infinity])(
  'a RetryableError with the delay %s has none',
  async (retryAfter) => {
    const error = Object.assign(new RetryableError('busy'), { retryAfter });
    expect(await thrown(error)).not.toHaveProperty('retry_after_seconds');
  },
);

test('subclasses count as what they extend and keep their own name', async () => {
  class CardExpired extends PermanentError {}
  expect(await thrown(new CardExpired('no'))).toMatchObject({
    code: 'permanent',
    error_class: 'CardExpired',
  });
});

test('errors from another copy of the package are recognised by name, subclasses too', async () => {
  class FromCopy extends Error {}
  Object.defineProperty(FromCopy, 'name', { value: 'PermanentError' });
  class CardExpired extends FromCopy {}
  expect(await thrown(new CardExpired('no'))).toMatchObject({ code: 'permanent', permanent: true });
  const named = Object.assign(new Error('busy'), { name: 'RetryableError', retryAfter: 2 });
  expect(await thrown(named)).toMatchObject({ code: 'retryable', retry_after_seconds: 2 });
});

test.each<[unknown, string, string]>([
  ['boom', 'boom was thrown', 'String'],
  [undefined, 'undefined was thrown', 'undefined'],
  [null, 'null was thrown', 'null'],
  [42, '42 was thrown', 'Number'],
  [{ status: 500 }, '{"status":500} was thrown', 'Object'],
  [{ message: 'like an error' }, 'like an error', 'Object'],
  [new Error(''), 'Error', 'Error'],
])('%o, thrown, is described', async (value, error, errorClass) => {
  expect(await thrown(value)).toMatchObject({ error, error_class: errorClass });
});

test('the backtrace tells the causes, and a circle of causes ends', async () => {
  const below = new Error('connection refused');
  const above = new Error('payment failed', { cause: below });
  below.cause = above;
  const outcome = await thrown(above);
  expect(outcome).toHaveProperty('backtrace', `${above.stack}\ncaused by: ${below.stack}`);
});

test('long errors are cut and what Postgres cannot hold is replaced', async () => {
  const outcome = failedOutcome(new Error(`\0${'😀'.repeat(20_000)}`));
  expect(outcome.error.length).toBe(8_192);
  expect(outcome.error).toMatch(/^\uFFFD😀+\uFFFD$/u);
  expect(outcome.backtrace.length).toBe(16_384);
});

test('an error that throws when it is read is still an outcome', async () => {
  const hostile = new Proxy(new Error('x'), {
    get() {
      throw new Error('do not look');
    },
    getPrototypeOf() {
      throw new Error('do not look');
    },
  });
  expect(await thrown(hostile)).toMatchObject({ kind: 'error', code: 'handler_error', permanent: false });
});

test('results that cannot be stored beside the error are left out', async () => {
  expect(await thrown(new Error('x'), { n: 1n })).not.toHaveProperty('results');
  expect(await thrown(new Error('x'), 'no object')).not.toHaveProperty('results');
});

test('whatever is thrown, the outcome is an error whose words Postgres can hold', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (value) => {
      const outcome = failedOutcome(value);
      const words = [outcome.error, outcome.error_class, outcome.backtrace];
      return outcome.kind === 'error' && words.every((text) => !/\0|\p{Surrogate}/u.test(text));
    }),
  );
});

const { proxy: revoked, revoke } = Proxy.revocable(new Error('x'), {});
revoke();
const doNotLook = {
  get() {
    throw new Error('do not look');
  },
};
const getters = Object.create(Error.prototype, {
  message: doNotLook,
  stack: doNotLook,
  cause: doNotLook,
}) as Error;
const circle: Record<string, unknown> = {};
circle['self'] = circle;

test.each<[string, () => unknown]>([
  ['a revoked proxy', () => revoked],
  ['an error whose getters throw', () => getters],
  ['a circle', () => circle],
  ['a function', () => () => 1],
  ['a symbol', () => Symbol('x')],
  ['a BigInt', () => 1n],
])(
  '%s, thrown, fails the attempt and keeps what the handler had put into its results',
  async (_what, value) => {
    expect(await thrown(value(), { sent: 3 })).toMatchObject({
      code: 'handler_error',
      permanent: false,
      error_class: expect.stringMatching(/./) as string,
      results: { sent: 3 },
    });
  },
);

test('a chain of 100,000 causes is cut', () => {
  let error = new Error('at the bottom');
  for (let depth = 0; depth < 100_000; depth += 1) error = new Error('above', { cause: error });
  expect(failedOutcome(error).backtrace.length).toBeLessThanOrEqual(16_384);
});

test('a late rejection that cannot be read is logged, and harms nobody', async () => {
  const { promise, reject } = deferred<string>();
  class Late extends StepHandler {
    process() {
      return promise;
    }
  }
  const { invocation, lines } = stepInvocation({ timeout_ms: 5 });
  expect(await runStep(new Late(), invocation)).toMatchObject({ code: 'timed_out' });
  reject(revoked);
  await settled();
  expect(lines.map(({ msg }) => msg)).toEqual(['the handler failed after its timeout; dropped']);
});

test('an after-hook that throws what cannot be read leaves the outcome as it is', async () => {
  class Hostile extends StepHandler {
    process() {
      return 1;
    }
    override after() {
      throw revoked;
    }
  }
  expect(await runStep(new Hostile(), stepInvocation().invocation)).toMatchObject({
    kind: 'complete',
    results: 1,
  });
});
