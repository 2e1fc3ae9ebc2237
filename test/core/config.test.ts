import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../core/config.ts';
import { QUEUE_FORMS } from '../../core/queue-url.ts';

describe('loadConfig', () => {
  it('fills every default from an empty environment', () => {
    expect(loadConfig({})).toEqual({
      databaseUrl: undefined,
      environment: 'development',
      concurrency: 100,
      queue: 'graphile://',
      logLevel: 'info',
      dataDir: '.treadle',
      templates: undefined,
      app: undefined,
      leaseSeconds: 15,
      fuseMs: 50,
      pollIntervalMs: 1000,
      graceSeconds: 30,
      stepTimeoutSeconds: undefined,
      maxResultBytes: 4_194_304,
      sessionLocks: 'auto',
      sweepSeconds: 30,
      railsQueue: undefined,
      retentionDays: undefined,
      grpcListen: [],
      grpcTlsCert: undefined,
      grpcTlsKey: undefined,
      grpcTlsClientCa: undefined,
      grpcTokens: undefined,
      grpcAllowPlaintext: false,
      grpcMaxMessageBytes: 16_777_216,
      httpListen: undefined,
      httpTokens: undefined,
      httpAllowPlaintext: false,
      nativePython: [],
      nativeRuby: [],
    });
  });

  it('is frozen', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });

  it('prefers TREADLE_ENV to NODE_ENV', () => {
    expect(loadConfig({ NODE_ENV: 'test' }).environment).toBe('test');
    expect(loadConfig({ NODE_ENV: 'test', TREADLE_ENV: 'staging' }).environment).toBe('staging');
  });

  it('takes an empty variable as not set', () => {
    expect(loadConfig({ DATABASE_URL: '', TREADLE_CONCURRENCY: '' }).concurrency).toBe(100);
  });

  it('lets overrides win unless they are undefined', () => {
    const config = loadConfig(
      { TREADLE_CONCURRENCY: '7', TREADLE_APP: 'a.ts' },
      { concurrency: 9, app: undefined },
    );
    expect(config).toMatchObject({ concurrency: 9, app: 'a.ts' });
  });

  it('takes several addresses of gRPC, separated by commas', () => {
    const { grpcListen } = loadConfig({ TREADLE_GRPC_LISTEN: '127.0.0.1:7465, unix:/run/treadle.sock,' });
    expect(grpcListen).toEqual(['127.0.0.1:7465', 'unix:/run/treadle.sock']);
  });

  it.each([
    ['TREADLE_CONCURRENCY', '0', 'a whole number from 1 to 1000000'],
    ['TREADLE_CONCURRENCY', '1e3', 'a whole number from 1 to 1000000'],
    ['TREADLE_SWEEP_SECONDS', '0', 'a whole number from 1 to 86400'],
    ['TREADLE_RETENTION_DAYS', '30d', 'a whole number from 1 to 36500'],
    ['TREADLE_QUEUE', 'redis', QUEUE_FORMS],
    ['TREADLE_RAILS_QUEUE', 'redis', 'a URL like sidekiq://localhost:6379/0?mode=tasker'],
    ['TREADLE_LOG_LEVEL', 'loud', 'one of trace, debug, info, warn, error, fatal, silent'],
  ])('refuses %s=%s and says what was expected', (variable, value, expected) => {
    expect(() => loadConfig({ [variable]: value })).toThrow(
      expect.objectContaining({
        code: 'invalid_config',
        message: `${variable}: expected ${expected}, came ${JSON.stringify(value)}`,
      }),
    );
  });

  it('names a bad DATABASE_URL in one line without its password', () => {
    const message = 'DATABASE_URL: expected a URL like postgres://user:password@host:5432/database, came';
    expect(() => loadConfig({ DATABASE_URL: 'mysql://u:secret@h/d' })).toThrow(
      `${message} one that begins with mysql:`,
    );
    expect(() => loadConfig({ DATABASE_URL: 'secret' })).toThrow(`${message} something that is no URL`);
  });

  it('lists all bad variables', () => {
    const load = () => loadConfig({ TREADLE_QUEUE: 'x', TREADLE_CONCURRENCY: 'y' });
    expect(load).toThrow(/TREADLE_CONCURRENCY: .*\nTREADLE_QUEUE: /);
  });
});
