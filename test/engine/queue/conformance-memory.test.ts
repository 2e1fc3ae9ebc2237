// The queue of one process does what every queue must.
import { InMemoryQueue } from '../../../engine/queue/in-memory.ts';
import { testQueue } from '../../support/queue-suite.ts';

testQueue({
  open: async () => {
    const adapter = new InMemoryQueue();
    await adapter.install();
    return { adapter, close: () => adapter.stop() };
  },
  features: { priority: false, dedupe: true, survivesRestart: false, foreignMessages: false },
  delayToleranceMs: 2000,
});
