// The configuration of a process: one schema over environment variables, and the only reader of the environment. What
// comes out is frozen; whoever starts a process passes `process.env` in once.
import { z } from 'zod';
import { TreadleError } from './errors.ts';
import { DEFAULT_MAX_RESULT_BYTES } from './outcome.ts';
import { QUEUE_FORMS, queueSchemeOf, shownQueue } from './queue-url.ts';

export const SESSION_LOCKS = ['auto', 'off'] as const;
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const wholeNumber = (least: number, most: number) => {
  const expected = `a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d+$/, expected)
    .transform(Number)
    .pipe(z.int().min(least, expected).max(most, expected));
};

const databaseUrl = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^postgres(ql)?:$/.test(new URL(value).protocol),
    'a URL like postgres://user:password@host:5432/database',
  );

/** Comma-separated, without empty places. */
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

const flag = z.enum(['0', '1'], '0 or 1').transform((value) => value === '1');

const schema = z.object({
  /** The database. Without one a process uses the embedded Postgres under TREADLE_DATA_DIR. */
  DATABASE_URL: databaseUrl.optional(),
  NODE_ENV: z.string().optional(),
  /** Which environment of the templates counts. Default: NODE_ENV, else development. */
  TREADLE_ENV: z.string().optional(),
  /** Steps that may run at once in this process. */
  TREADLE_CONCURRENCY: wholeNumber(1, 1_000_000).default(100),
  /** How tasks come back: the URL of a queue. `graphile-worker` and `in-memory` are old names of two. */
  TREADLE_QUEUE: z
    .string()
    .refine((text) => queueSchemeOf(text) !== undefined, QUEUE_FORMS)
    .default('graphile://'),
  /** Where tasks that run in the Rails engine are handed to it: sidekiq://host:6379/0?mode=tasker. Not set: the app takes them itself. */
  TREADLE_RAILS_QUEUE: z
    .string()
    .refine(
      (text) => queueSchemeOf(text)?.startsWith('sidekiq') === true,
      'a URL like sidekiq://localhost:6379/0?mode=tasker',
    )
    .optional(),
  TREADLE_LOG_LEVEL: z.enum(LOG_LEVELS, `one of ${LOG_LEVELS.join(', ')}`).default('info'),
  /** Where the embedded Postgres keeps its data. */
  TREADLE_DATA_DIR: z.string().default('.treadle'),
  /** The folder of template files. Default: templates, where there is one. */
  TREADLE_TEMPLATES: z.string().optional(),
  /** The module that exports handlers and templates. Default: treadle.app.ts, .js or .mjs, where there is one. */
  TREADLE_APP: z.string().optional(),
  /** Seconds without a heartbeat after which others take this process's steps back. */
  TREADLE_LEASE_SECONDS: wholeNumber(1, 3600).default(15),
  /** Whether this process holds a lock for life, by which others see its death at once. `off`: leases alone tell. */
  TREADLE_SESSION_LOCKS: z.enum(SESSION_LOCKS, `one of ${SESSION_LOCKS.join(', ')}`).default('auto'),
  /** A step that ends within so many ms writes its start and its end together; 0: in_progress is written at once. */
  TREADLE_FUSE_MS: wholeNumber(0, 60_000).default(50),
  /** How often to look for steps when no notification came, in ms. While nobody works, every 5000 at least is enough. */
  TREADLE_POLL_INTERVAL_MS: wholeNumber(10, 3_600_000).default(1000),
  /** Seconds between two looks at all unfinished tasks, whichever process takes them. */
  TREADLE_SWEEP_SECONDS: wholeNumber(1, 86_400).default(30),
  /** Days after which tasks that are complete, cancelled or resolved are removed. Not set: never. */
  TREADLE_RETENTION_DAYS: wholeNumber(1, 36_500).optional(),
  /** Seconds that an attempt may take where its template does not say it. Default: as long as it likes. */
  TREADLE_STEP_TIMEOUT_SECONDS: wholeNumber(1, 2_147_483).optional(),
  /** Bytes of JSON text that the results of a step may have. Beyond 200 MB jsonb itself gives up. */
  TREADLE_MAX_RESULT_BYTES: wholeNumber(1024, 200_000_000).default(DEFAULT_MAX_RESULT_BYTES),
  /** Seconds that running steps may take to end when the process is told to stop. */
  TREADLE_GRACE_SECONDS: wholeNumber(0, 86_400).default(30),
  /** Where workers and clients in other languages connect, as 127.0.0.1:7465,unix:/run/treadle.sock. Not set: nowhere. */
  TREADLE_GRPC_LISTEN: list.default([]),
  /** Files in PEM: the certificate of this server, its key, and the authority of the certificates that callers must show. */
  TREADLE_GRPC_TLS_CERT: z.string().optional(),
  TREADLE_GRPC_TLS_KEY: z.string().optional(),
  TREADLE_GRPC_TLS_CLIENT_CA: z.string().optional(),
  /** YAML or JSON file of the tokens of workers and clients. */
  TREADLE_GRPC_TOKENS: z.string().optional(),
  /** 1: without TLS also where other machines can connect. */
  TREADLE_GRPC_ALLOW_PLAINTEXT: flag.default(false),
  /** Bytes of one gRPC message in either direction. */
  TREADLE_GRPC_MAX_MESSAGE_BYTES: wholeNumber(262_144, 1_073_741_824).default(16_777_216),
  /** Where the REST API is served, as 127.0.0.1:7466. Not set: nowhere. */
  TREADLE_HTTP_LISTEN: z.string().optional(),
  /** YAML or JSON file of the tokens of its clients. */
  TREADLE_HTTP_TOKENS: z.string().optional(),
  /** 1: also where other machines can connect, as behind a proxy that speaks TLS. */
  TREADLE_HTTP_ALLOW_PLAINTEXT: flag.default(false),
  /** What `--native` loads: Python modules, as app.handlers,app.more, and Ruby files, folders or libraries. */
  TREADLE_NATIVE_PYTHON: list.default([]),
  TREADLE_NATIVE_RUBY: list.default([]),
});

export interface Config {
  readonly databaseUrl: string | undefined;
  readonly environment: string;
  readonly concurrency: number;
  /** Has the form of a queue's URL; the adapter reads the rest. It may hold a password: show it with `shownQueue`. */
  readonly queue: string;
  /** May hold a password too. */
  readonly railsQueue: string | undefined;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly dataDir: string;
  readonly templates: string | undefined;
  readonly app: string | undefined;
  readonly leaseSeconds: number;
  readonly sessionLocks: (typeof SESSION_LOCKS)[number];
  readonly fuseMs: number;
  readonly pollIntervalMs: number;
  readonly sweepSeconds: number;
  readonly retentionDays: number | undefined;
  readonly graceSeconds: number;
  readonly stepTimeoutSeconds: number | undefined;
  readonly maxResultBytes: number;
  readonly grpcListen: readonly string[];
  readonly grpcTlsCert: string | undefined;
  readonly grpcTlsKey: string | undefined;
  readonly grpcTlsClientCa: string | undefined;
  readonly grpcTokens: string | undefined;
  readonly grpcAllowPlaintext: boolean;
  readonly grpcMaxMessageBytes: number;
  readonly httpListen: string | undefined;
  readonly httpTokens: string | undefined;
  readonly httpAllowPlaintext: boolean;
  readonly nativePython: readonly string[];
  readonly nativeRuby: readonly string[];
}

/** What a caller (the command line) knows better than the environment; undefined leaves what the environment says. */
export type ConfigOverrides = { readonly [Key in keyof Config]?: Config[Key] | undefined };

/**
 * Reads the configuration. A variable that is empty counts as not set.
 * @throws TreadleError `invalid_config`: one line per variable with what was expected and what came.
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
  overrides: ConfigOverrides = {},
): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw invalidConfig(parsed.error.issues, given);
  const read = parsed.data;
  const config: Config = {
    databaseUrl: read.DATABASE_URL,
    environment: read.TREADLE_ENV ?? read.NODE_ENV ?? 'development',
    concurrency: read.TREADLE_CONCURRENCY,
    queue: read.TREADLE_QUEUE,
    railsQueue: read.TREADLE_RAILS_QUEUE,
    logLevel: read.TREADLE_LOG_LEVEL,
    dataDir: read.TREADLE_DATA_DIR,
    templates: read.TREADLE_TEMPLATES,
    app: read.TREADLE_APP,
    leaseSeconds: read.TREADLE_LEASE_SECONDS,
    sessionLocks: read.TREADLE_SESSION_LOCKS,
    fuseMs: read.TREADLE_FUSE_MS,
    pollIntervalMs: read.TREADLE_POLL_INTERVAL_MS,
    sweepSeconds: read.TREADLE_SWEEP_SECONDS,
    retentionDays: read.TREADLE_RETENTION_DAYS,
    graceSeconds: read.TREADLE_GRACE_SECONDS,
    stepTimeoutSeconds: read.TREADLE_STEP_TIMEOUT_SECONDS,
    maxResultBytes: read.TREADLE_MAX_RESULT_BYTES,
    grpcListen: read.TREADLE_GRPC_LISTEN,
    grpcTlsCert: read.TREADLE_GRPC_TLS_CERT,
    grpcTlsKey: read.TREADLE_GRPC_TLS_KEY,
    grpcTlsClientCa: read.TREADLE_GRPC_TLS_CLIENT_CA,
    grpcTokens: read.TREADLE_GRPC_TOKENS,
    grpcAllowPlaintext: read.TREADLE_GRPC_ALLOW_PLAINTEXT,
    grpcMaxMessageBytes: read.TREADLE_GRPC_MAX_MESSAGE_BYTES,
    httpListen: read.TREADLE_HTTP_LISTEN,
    httpTokens: read.TREADLE_HTTP_TOKENS,
    httpAllowPlaintext: read.TREADLE_HTTP_ALLOW_PLAINTEXT,
    nativePython: read.TREADLE_NATIVE_PYTHON,
    nativeRuby: read.TREADLE_NATIVE_RUBY,
  };
  const known = Object.entries(overrides).filter(([, value]) => value !== undefined);
  return Object.freeze({ ...config, ...Object.fromEntries(known) });
}

function invalidConfig(
  issues: readonly z.core.$ZodIssue[],
  given: Readonly<Record<string, string | undefined>>,
): TreadleError {
  const problems = issues.map(({ path, message }) => {
    const variable = String(path[0]);
    return { variable, expected: message, received: cameAs(variable, given[variable] ?? '') };
  });
  const lines = problems.map(
    ({ variable, expected, received }) => `${variable}: expected ${expected}, came ${received}`,
  );
  return new TreadleError('invalid_config', lines.join('\n'), { details: { problems } });
}

/** A URL may hold a password, so of a bad one only its form is shown. */
function cameAs(variable: string, value: string): string {
  if (variable === 'TREADLE_QUEUE' || variable === 'TREADLE_RAILS_QUEUE') return shownQueue(value);
  if (variable !== 'DATABASE_URL') return JSON.stringify(value);
  return URL.canParse(value) ? `one that begins with ${new URL(value).protocol}` : 'something that is no URL';
}
