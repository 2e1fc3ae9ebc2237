// The options that `dev` and `start` share, and what they make of them: an engine with the project's templates and handlers.
import { Option, type Command } from 'commander';
import type { Logger } from 'pino';
import type { GrpcServer } from '../bindings/grpc/server.ts';
import { LOG_LEVELS, type Config, type ConfigOverrides } from '../core/config.ts';
import { TreadleError } from '../core/errors.ts';
import { QUEUE_FORMS, queueSchemeOf, shownQueue } from '../core/queue-url.ts';
import type { TaskTemplate } from '../core/template/template.ts';
import { Engine } from '../engine/engine.ts';
import { queueOfUrl, railsQueueOfUrl } from '../engine/queue/queue-of-url.ts';
import type { Database } from '../sql/database.ts';
import { loadApp, type App } from './app.ts';
import { wholeNumber } from './arguments.ts';
import { loadTemplateDirectory, templateTitle, type TemplateFile } from './template-files.ts';
import { packageVersion } from './version.ts';

/** Reached from this machine only. */
const GRPC_ADDRESS = '127.0.0.1:7465';

export interface EngineFlags {
  readonly app?: string;
  readonly templates?: string;
  readonly concurrency?: number;
  readonly queue?: Config['queue'];
  readonly env?: string;
  readonly logLevel?: Config['logLevel'];
  /** True: at the address that it has by default. */
  readonly grpc?: string | true;
  /** The same for the REST API. */
  readonly http?: string | true;
}

export function addEngineOptions(command: Command): Command {
  return command
    .option(
      '--app <file>',
      'module that exports handlers and templates (default: treadle.app.ts, .js or .mjs)',
    )
    .option('--templates <folder>', 'folder of template files (default: templates, where there is one)')
    .option('--concurrency <steps>', 'steps that may run at once', wholeNumber(1, 1_000_000))
    .option(
      '--queue <url>',
      'how tasks come back, like redis+bullmq://localhost:6379 (default: TREADLE_QUEUE or graphile://)',
    )
    .option('--env <name>', 'environment of the templates (default: TREADLE_ENV, NODE_ENV or development)')
    .addOption(new Option('--log-level <level>', 'what to log').choices(LOG_LEVELS))
    .option(
      '--grpc [address]',
      `serve workers and clients in other languages (default: TREADLE_GRPC_LISTEN or ${GRPC_ADDRESS})`,
    )
    .option(
      '--http [address]',
      'serve the REST API of the Rails engine (default: TREADLE_HTTP_LISTEN or 127.0.0.1:7466)',
    );
}

/** Not by commander, which would repeat what came, with its password. */
function checkQueue(text: string | undefined): void {
  if (text === undefined || queueSchemeOf(text) !== undefined) return;
  throw new TreadleError('invalid_config', `--queue: expected ${QUEUE_FORMS}, came ${shownQueue(text)}`);
}

/** Throws `invalid_config`. */
export function overridesOf(flags: EngineFlags): ConfigOverrides {
  const { app, templates, concurrency, queue, env, logLevel, grpc, http } = flags;
  checkQueue(queue);
  const grpcListen = typeof grpc === 'string' ? [grpc] : undefined;
  const httpListen = typeof http === 'string' ? http : undefined;
  return { app, templates, concurrency, queue, environment: env, logLevel, grpcListen, httpListen };
}

/** The gRPC server that was asked for, if any; everything about it is checked, and it does not listen yet. Throws `invalid_config`. */
export async function grpcServerOf(
  config: Config,
  flags: EngineFlags,
  given: { readonly engine: Engine; readonly database: Database; readonly log: Logger },
): Promise<GrpcServer | undefined> {
  const listen = flags.grpc === true && config.grpcListen.length === 0 ? [GRPC_ADDRESS] : config.grpcListen;
  if (listen.length === 0) return undefined;
  // loaded where it is asked for: it would slow the start of every other command
  const [{ logVerbosity, setLogVerbosity }, { GrpcServer }] = await Promise.all([
    import('@grpc/grpc-js'),
    import('../bindings/grpc/server.ts'),
  ]);
  setLogVerbosity(logVerbosity.NONE); // it would write lines of its own to stderr, about errors that we report
  return new GrpcServer({
    ...given,
    listen,
    tls: tlsFilesOf(config),
    tokens: config.grpcTokens,
    allowPlaintext: config.grpcAllowPlaintext,
    maxMessageBytes: config.grpcMaxMessageBytes,
    maxResultBytes: config.maxResultBytes,
    version: packageVersion(),
  });
}

function tlsFilesOf({ grpcTlsCert: cert, grpcTlsKey: key, grpcTlsClientCa: clientCa }: Config) {
  if (cert !== undefined && key !== undefined) return { cert, key, clientCa };
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined;
  throw new TreadleError(
    'invalid_config',
    'gRPC: expected TREADLE_GRPC_TLS_CERT and TREADLE_GRPC_TLS_KEY together',
  );
}

/** What a project brings: read and checked before anything is started. */
export interface Project {
  readonly app: App;
  readonly files: readonly TemplateFile[];
  readonly templates: readonly TaskTemplate[];
}

/** Throws `invalid_template` (all bad files) and `invalid_config` (the app module). */
export async function loadProject(config: Config): Promise<Project> {
  const files = loadTemplateDirectory(config.templates);
  const app = await loadApp(config.app);
  const own = app.templates.map((given) => ('template' in given ? given.template : given));
  const known = new Map(files.map(({ file, template }) => [templateTitle(template), file]));
  for (const title of own.map(templateTitle)) {
    const other = known.get(title);
    if (other !== undefined) {
      throw new TreadleError(
        'invalid_template',
        `${app.file}: expected a template of its own, came ${title}, which ${other} holds already`,
      );
    }
    known.set(title, String(app.file));
  }
  return { app, files, templates: [...files.map(({ template }) => template), ...own] };
}

/** Throws `invalid_config`: an option of the queue's URL, or a library of it that is not installed. */
export async function engineOf(
  config: Config,
  project: Project,
  database: Database,
  log: Logger,
): Promise<Engine> {
  return new Engine({
    database,
    handlers: project.app.handlers,
    templates: [...project.files.map(({ template }) => template), ...project.app.templates],
    queue: await queueOfUrl(config.queue, { database, log }),
    ...(config.railsQueue === undefined
      ? {}
      : { railsQueue: await railsQueueOfUrl(config.railsQueue, { database, log }) }),
    concurrency: config.concurrency,
    environment: config.environment,
    leaseSeconds: config.leaseSeconds,
    sessionLocks: config.sessionLocks,
    fuseMs: config.fuseMs,
    pollIntervalMs: config.pollIntervalMs,
    ...(config.stepTimeoutSeconds === undefined ? {} : { defaultTimeoutSeconds: config.stepTimeoutSeconds }),
    maxResultBytes: config.maxResultBytes,
    sweepSeconds: config.sweepSeconds,
    ...(config.retentionDays === undefined ? {} : { retentionDays: config.retentionDays }),
    log,
  });
}
