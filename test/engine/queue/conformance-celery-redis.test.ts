// Celery over Redis passes the suite of all adapters, with the newest Celery and the real worker process.
import { beforeAll, describe } from 'vitest';
import { newestCelery, noCelery } from '../../support/celery.ts';
import { celeryHarness } from '../../support/celery-harness.ts';
import { fileEnd } from '../../support/file-end.ts';
import { testQueue } from '../../support/queue-suite.ts';
import { noRedis, startRedis, type TestRedis } from '../../support/redis.ts';

const missing = noRedis ?? noCelery;
const atEnd = fileEnd();
let broker: TestRedis;
beforeAll(async () => {
  if (missing === undefined) broker = await startRedis({ persistent: true, atEnd });
});

describe.skipIf(missing)('Celery over Redis', () => {
  testQueue(celeryHarness({ broker: () => broker, version: () => newestCelery }));
});
