// Celery over RabbitMQ passes the suite of all adapters, with the newest Celery and the real worker process.
import { beforeAll, describe } from 'vitest';
import { newestCelery, noCelery } from '../../support/celery.ts';
import { celeryHarness } from '../../support/celery-harness.ts';
import { fileEnd } from '../../support/file-end.ts';
import { testQueue } from '../../support/queue-suite.ts';
import { noRabbitMq, startRabbitMq, type TestRabbitMq } from '../../support/rabbitmq.ts';

const missing = noRabbitMq ?? noCelery;
const atEnd = fileEnd();
let broker: TestRabbitMq;
beforeAll(async () => {
  if (missing === undefined) broker = await startRabbitMq(atEnd);
});

describe.skipIf(missing)('Celery over RabbitMQ', () => {
  testQueue(celeryHarness({ broker: () => broker, version: () => newestCelery, maxPriority: 10 }));
});
