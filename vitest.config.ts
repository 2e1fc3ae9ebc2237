// All tests run on one real Postgres, started once; two files at a time, each on a database of its own.
import { defineConfig } from 'vitest/config';
import { PlainLineReporter } from './test/support/plain-line-reporter.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', new PlainLineReporter()],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
