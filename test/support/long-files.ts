// Which test files take long, so that they begin first (longest-first.ts). One that is not named runs all the same, only later.

/** Over half a minute in a run of all files on two cores, the longest first. */
export const LONG_FILES = [
  'examples/order-fulfillment',
  'bench/queues',
  'cli/schedule',
  'engine/queue/conformance-celery-amqp',
  'cli/tune',
  'engine/queue/conformance-sidekiq',
  'cli/operators',
  'sql/interleavings',
  'engine/queue/conformance-celery-redis',
  'parity/python',
  'bench/load',
  'parity/ruby',
  'stories/celery',
  'cli/adopt',
  'bench/bench',
  'engine/queue/conformance-graphile',
  'cli/reports',
  'engine/queue/conformance-bullmq',
  'stories/limits',
  'stories/sidekiq',
  'sql/adoption',
  'parity/rails',
  'chaos/chaos',
  'stories/schedules',
].map((name) => `test/${name}.test.ts`);
