// Celery under the conformance suite: a queue of its own for each case on a broker that the file shares, and the real worker
// process, which calls a gRPC server of the test.
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import type { QueueHarness } from '../../engine/queue/conformance.ts';
import { celeryQueueOf } from '../../engine/queue/celery/celery.ts';
import { superviseCelery, type CeleryVersion } from './celery.ts';
import { pushForeignTask } from './celery-messages.ts';
import { serveRunTask } from './run-task-server.ts';

/** More processes than cores make 10,000 jobs slower, not faster. */
const CONCURRENCY = 2;

export interface SharedBroker {
  /** redis:// or amqp://, as Celery spells it. */
  readonly url: string;
  restart(): Promise<void>;
}

export interface CeleryHarnessOptions {
  readonly broker: () => SharedBroker;
  readonly version: () => CeleryVersion;
  /** RabbitMQ knows priorities in queues that were declared for them. */
  readonly maxPriority?: number;
  readonly prefetch?: number;
}

export function celeryHarness({
  broker,
  version,
  maxPriority,
  prefetch = 1,
}: CeleryHarnessOptions): QueueHarness {
  const features = { priority: true, dedupe: false, survivesRestart: true };
  const option = maxPriority === undefined ? '' : `&max_priority=${maxPriority}`;
  const open: QueueHarness['open'] = async () => {
    const { url } = broker();
    const queue = `treadle-${randomBytes(6).toString('hex')}`;
    const log = pino({ level: 'silent' });
    const adapter = await celeryQueueOf(new URL(`celery+${url}?queue=${queue}${option}`), { log });
    await adapter.install();
    return {
      adapter,
      consume: async (runTask) => {
        const server = await serveRunTask(runTask);
        const worker = await superviseCelery({
          brokerUrl: url,
          queue,
          target: server.target,
          version: version(),
          concurrency: CONCURRENCY,
          prefetch,
          ...(maxPriority === undefined ? {} : { maxPriority }),
        });
        return {
          stop: () => worker.stop().finally(() => server.close()),
          kill: () => worker.kill().finally(() => server.close()),
        };
      },
      restartServer: () => broker().restart(),
      pushPoison: () => pushForeignTask(url, queue),
      close: () => adapter.stop(),
    };
  };
  return { open, features, delayToleranceMs: 3000 };
}
