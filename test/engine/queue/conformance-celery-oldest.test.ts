// The oldest Celery that we promise to work with (that of Debian 12) passes the suite too, over Redis.
import { beforeAll, describe } from 'vitest';
import { noCelery, oldestCelery } from '../../support/celery.ts';
import { celeryHarness } from '../../support/celery-harness.ts';
import { fileEnd } from '../../support/file-end.ts';
import { testQueue } from '../../support/queue-suite.ts';
import { noRedis, startRedis, type TestRedis } from '../../support/redis.ts';

const INSTALL_MS = 120_000;
const missing = noRedis ?? noCelery;
const atEnd = fileEnd();
let broker: TestRedis;
let version: string;
beforeAll(async () => {
  if (missing !== undefined) return;
  broker = await startRedis({ persistent: true, atEnd });
  version = await oldestCelery();
}, INSTALL_MS);

describe.skipIf(missing)('Celery 5.2.6 over Redis', () => {
  const leftOut = (name: string) =>
    name.startsWith('10,000') && process.env['TREADLE_EVERY_CASE'] === undefined
      ? 'more than a minute with this version: TREADLE_EVERY_CASE=1 runs it'
      : undefined;
  // 4: with 1 it hardly fetches, see docs/celery.md
  testQueue(celeryHarness({ broker: () => broker, version: () => version, prefetch: 4 }), leftOut);
});
