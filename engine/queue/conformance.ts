// What every queue adapter must do, as cases for any test runner: `for (const c of queueCases) test(c.name, ...)`. They run
// on the real queue, need no clock of their own, and share nothing: each opens the queue anew.
import assert from 'node:assert/strict';
import { jobFor, Trial, type QueueUnderTest } from './trial.ts';

export type { QueueConsumer, QueueUnderTest } from './trial.ts';

export interface QueueFeatures {
  /** Jobs that wait together are delivered by their priority. */
  readonly priority: boolean;
  /** Two jobs of one key that wait are delivered once. Without it twice, which harms nobody. */
  readonly dedupe: boolean;
  /** What waits is still there after a restart of the queue's server: needs `restartServer`. */
  readonly survivesRestart: boolean;
  /** Others can put messages into the queue: needs `pushPoison`. Default: true. */
  readonly foreignMessages?: boolean;
}

export interface QueueHarness {
  readonly open: () => Promise<QueueUnderTest>;
  readonly features: QueueFeatures;
  /** How late a delayed job may be, in ms. */
  readonly delayToleranceMs: number;
}

export interface QueueCase {
  readonly name: string;
  readonly timeoutMs: number;
  /** Why this queue is not asked for it. */
  readonly skip?: (harness: QueueHarness) => string | undefined;
  readonly run: (harness: QueueHarness) => Promise<void>;
}

const TIMEOUT_MS = 120_000;
const MANY = 10_000;
const PAGE = 500;
const MANY_TIMEOUT_MS = 900_000;

/** Clocks of a queue's server and of this process may differ by that much on one machine, with their rounding. */
const EARLY_MS = 20;
const DELAY_MS = 1500;
const AN_HOUR_MS = 3_600_000;

type Body = (trial: Trial, harness: QueueHarness) => Promise<void>;

function queueCase(
  name: string,
  body: Body,
  options: Partial<Pick<QueueCase, 'timeoutMs' | 'skip'>> = {},
): QueueCase {
  return {
    name,
    timeoutMs: TIMEOUT_MS,
    ...options,
    run: async (harness) => {
      const trial = new Trial(await harness.open());
      try {
        await body(trial, harness);
      } finally {
        await trial.close();
      }
    },
  };
}

const lacks = (feature: 'priority' | 'dedupe' | 'survivesRestart', why: string) => (harness: QueueHarness) =>
  harness.features[feature] ? undefined : why;

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, n) => from + n);

/** Something that a case makes happen, and a consumer waits for. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const never = new Promise<never>(() => {});

const delivery: readonly QueueCase[] = [
  queueCase('jobs that wait are delivered once', async (trial) => {
    await trial.enqueue(...range(1, 20).map((id) => jobFor(id)));
    await trial.consume();
    await trial.untilDelivered(range(1, 20));
    assert.deepEqual(
      [...trial.delivered].sort((a, b) => a - b),
      range(1, 20),
    );
  }),

  queueCase('a job that comes while others are delivered is delivered too', async (trial) => {
    await trial.consume();
    for (const id of range(1, 5)) {
      await trial.enqueue(jobFor(id));
      await trial.untilDelivered([id]);
    }
  }),

  queueCase('the queue may be installed again, by two at once', async ({ queue: { adapter } }) => {
    await Promise.all([adapter.install(), adapter.install()]);
    assert.equal((await adapter.health()).ok, true);
  }),

  queueCase('health says in one line what the queue is', async ({ queue: { adapter } }) => {
    const { ok, message } = await adapter.health();
    assert.equal(ok, true);
    assert.match(message, /^\S[^\n]+$/);
  }),

  queueCase('a delayed job comes neither early nor late', async (trial, { delayToleranceMs }) => {
    await trial.consume();
    const dueAt = Date.now() + DELAY_MS;
    await trial.enqueue(jobFor(1, { inMs: DELAY_MS }));
    await trial.untilDelivered([1]);
    const lateMs = Date.now() - dueAt;
    assert.ok(
      lateMs >= -EARLY_MS && lateMs <= delayToleranceMs,
      `expected it at most ${delayToleranceMs} ms late, came ${lateMs} ms late`,
    );
  }),

  queueCase(
    'of jobs that wait together those of a higher priority come first',
    async (trial) => {
      const priorityOf = (id: number): number => [100, -100, 0][id % 3] ?? 0;
      await trial.enqueue(...range(1, 90).map((id) => jobFor(id, { priority: priorityOf(id) })));
      await trial.consume();
      await trial.untilDelivered(range(1, 90));
      const place = (priority: number): number => {
        const places = trial.delivered.flatMap((id, n) => (priorityOf(id) === priority ? [n] : []));
        return places.reduce((sum, n) => sum + n, 0) / places.length;
      };
      const places = [100, 0, -100].map(place);
      const [high = 0, middle = 0, low = 0] = places;
      // 30 apart in perfect order, and all in the middle without one; consumers take some at once
      assert.ok(
        middle - high > 15 && low - middle > 15,
        `expected mean places near 15, 45, 75, came ${places.join(', ')}`,
      );
    },
    { skip: lacks('priority', 'this queue knows no priorities') },
  ),
];

const dedupe: readonly QueueCase[] = [
  queueCase('a job that is wanted earlier than the one that waits comes earlier', async (trial) => {
    await trial.enqueue(jobFor(1, { inMs: AN_HOUR_MS }));
    await trial.enqueue(jobFor(1));
    await trial.consume();
    await trial.untilDelivered([1]);
  }),

  queueCase(
    'two jobs of one key that wait are delivered once',
    async (trial) => {
      await trial.enqueue(jobFor(1), jobFor(2, { inMs: 500 }));
      await trial.enqueue(jobFor(1), jobFor(2, { inMs: 500 }));
      await trial.enqueue(jobFor(3, { inMs: DELAY_MS }));
      await trial.consume();
      await trial.untilDelivered([1, 2, 3]);
      assert.deepEqual([trial.times(1), trial.times(2)], [1, 1]);
    },
    { skip: lacks('dedupe', 'this queue delivers both, and the engine starts the task once') },
  ),

  queueCase('the key of a job that was delivered is free again', async (trial) => {
    await trial.consume();
    for (const times of range(1, 3)) {
      await trial.enqueue(jobFor(1));
      await trial.untilDelivered([1], { times });
    }
  }),

  queueCase('a job that comes while one of its key is being delivered is not lost', async (trial) => {
    const release = gate();
    await trial.consume(() => release.opened);
    await trial.enqueue(jobFor(1));
    await trial.untilDelivered([1]);
    await trial.enqueue(jobFor(1));
    release.open();
    await trial.untilDelivered([1], { times: 2 });
  }),
];

const failure: readonly QueueCase[] = [
  queueCase('a job whose task could not be started comes again, and holds nobody up', async (trial) => {
    await trial.consume(async (id) => {
      if (id === 1 && trial.times(1) === 1) throw new Error('the task could not be started: this is a test');
    });
    await trial.enqueue(jobFor(1));
    await trial.untilDelivered([1]);
    await trial.enqueue(...range(2, 20).map((id) => jobFor(id)));
    await trial.untilDelivered(range(2, 20));
    await trial.untilDelivered([1], { times: 2 });
  }),

  queueCase(
    'jobs whose consumer was killed in the middle come again when handed over again',
    async (trial) => {
      const first = await trial.consume(() => never);
      await trial.enqueue(...range(1, 5).map((id) => jobFor(id)));
      await trial.untilDelivered([1]);
      await first.kill();
      const before = range(1, 5).map((id) => [id, trial.times(id)] as const);
      await trial.consume();
      await trial.enqueue(...range(1, 5).map((id) => jobFor(id))); // as the engine does with jobs that do not come
      for (const [id, times] of before) await trial.untilDelivered([id], { times: times + 1 });
    },
  ),

  queueCase(
    'a consumer that stops ends what it has begun, and leaves the rest to the next',
    async (trial) => {
      const release = gate();
      const first = await trial.consume(() => release.opened);
      await trial.enqueue(jobFor(1));
      await trial.untilDelivered([1]);
      const stopped = first.stop();
      release.open();
      await stopped;
      await trial.enqueue(jobFor(2));
      assert.deepEqual(trial.delivered, [1]);
      await trial.consume();
      await trial.untilDelivered([2]);
      assert.deepEqual(trial.delivered, [1, 2]);
    },
  ),

  queueCase(
    'jobs survive a restart of the server, and deliveries go on',
    async (trial) => {
      const { restartServer } = trial.queue;
      assert.ok(restartServer, 'expected restartServer of a queue that survives restarts, came none');
      await trial.enqueue(...range(1, 20).map((id) => jobFor(id)), jobFor(21, { inMs: DELAY_MS }));
      await restartServer();
      await trial.consume();
      await trial.untilDelivered(range(1, 21));
      await restartServer(); // under a consumer that runs
      await trial.enqueueWhenBack(jobFor(22));
      await trial.untilDelivered([22]);
    },
    { skip: lacks('survivesRestart', 'this queue keeps nothing when its server restarts') },
  ),

  queueCase(
    'a message that is no job of ours harms nobody',
    async (trial) => {
      const { pushPoison } = trial.queue;
      assert.ok(pushPoison, 'expected pushPoison of a queue that others can write to, came none');
      await pushPoison();
      await trial.enqueue(...range(1, 5).map((id) => jobFor(id)));
      await trial.consume();
      await trial.untilDelivered(range(1, 5));
      await pushPoison();
      await trial.enqueue(...range(6, 10).map((id) => jobFor(id)));
      await trial.untilDelivered(range(6, 10));
      assert.deepEqual(
        [...trial.delivered].sort((a, b) => a - b),
        range(1, 10),
      );
    },
    {
      skip: ({ features }) =>
        features.foreignMessages === false ? 'nobody else can write to this queue' : undefined,
    },
  ),

  queueCase(
    `${MANY.toLocaleString('en')} jobs all come, each once`,
    async (trial) => {
      const ids = range(1, MANY);
      for (let at = 0; at < MANY; at += PAGE) {
        if (at === MANY / 2) await trial.consume();
        await trial.enqueue(...ids.slice(at, at + PAGE).map((id) => jobFor(id)));
      }
      await trial.untilDelivered(ids, { whileTheyCome: true });
      assert.equal(trial.delivered.length, MANY);
    },
    { timeoutMs: MANY_TIMEOUT_MS },
  ),
];

export const queueCases: readonly QueueCase[] = [...delivery, ...dedupe, ...failure];
