// `treadle dev`: everything in one process, for the machine of a developer. Postgres, migrations, templates, engine.
import type { Command } from 'commander';
import { pino, type Logger } from 'pino';
import { migrate } from '../../sql/migrate.ts';
import type { PostgresServer } from '../../sql/server/resolve.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Config } from '../../core/config.ts';
import { shownQueue } from '../../core/queue-url.ts';
import type { CommandContext, ContextOf } from '../context.ts';
import {
  addEngineOptions,
  engineOf,
  loadProject,
  overridesOf,
  unservedHere,
  type EngineFlags,
  type Project,
} from '../engine-options.ts';
import { onInterrupt } from '../interrupt.ts';
import { narrate } from '../narrator.ts';
import { shownUrl, withDatabase } from '../open-database.ts';
import { prettyLog } from '../pretty-log.ts';
import { endAfter, runUntilInterrupted } from '../run-engine.ts';
import { templateTitle } from '../template-files.ts';
import { Servers, type Addresses } from '../servers.ts';
import type { Terminal } from '../terminal.ts';

export function registerDev(program: Command, contextOf: ContextOf): void {
  const command = program
    .command('dev')
    .description('run everything here: Postgres, migrations, templates, engine');
  addEngineOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  $ treadle dev\n  $ treadle dev --app src/workflows.ts --templates config/tasks\n',
    )
    .action(async (flags: EngineFlags, self: Command) => dev(contextOf(self), flags));
}

async function dev({ terminal, config: configure }: CommandContext, flags: EngineFlags): Promise<void> {
  const interrupt = onInterrupt();
  const config = configure(overridesOf(flags));
  const log = devLog(terminal, config);
  const onProgress = (line: string): void => log.info(line);
  const project = await loadProject(config);
  const name = await withDatabase(
    config,
    { onProgress, maxConnections: 10, create: true },
    async ({ database, server }) => {
      await migrate(database, { onProgress });
      const engine = await engineOf(config, project, database, log);
      const servers = await Servers.of(config, flags, { engine, database, log });
      const stopNarrating = narrate(engine, log);
      const introduction = (addresses: Addresses): void => {
        introduce(terminal, config, project, engine, server, addresses);
      };
      const told = await runUntilInterrupted(engine, config, interrupt, log, introduction, servers);
      stopNarrating();
      return told;
    },
  );
  sayLast(terminal, log);
  endAfter(name);
}

/** Whatever the log level is. */
function sayLast(terminal: Terminal, log: Logger): void {
  const text = 'stopped; tasks that had not ended go on at the next start';
  if (terminal.json) log.info(text);
  else terminal.print(text);
}

function devLog(terminal: Terminal, config: Config): Logger {
  const options = { level: config.logLevel };
  return terminal.json
    ? pino(options, terminal.out)
    : pino(options, prettyLog(terminal.out, terminal.colors));
}

/** Where everything is. */
function introduce(
  terminal: Terminal,
  config: Config,
  project: Project,
  engine: Engine,
  server: PostgresServer,
  addresses: Addresses,
): void {
  const { bold, dim, yellow } = terminal.colors;
  const line = (title: string, text: string): void => terminal.print(`  ${bold(title.padEnd(10))} ${text}`);
  const unserved = unservedHere(project, engine.handlers);
  const files = project.files.length > 0 || project.app.file !== undefined;
  terminal.print();
  line('postgres', `${server.version} (${server.source}) ${shownUrl(server.url)}`);
  line('psql', dim(psqlHint(server)));
  line('app', project.app.file ?? 'none (treadle.app.ts, .js or .mjs exports handlers and templates)');
  line(
    'templates',
    project.templates.map(templateTitle).join(', ') ||
      `none${files ? '' : ' (put YAML files into templates/)'}`,
  );
  line('handlers', engine.handlers.join(', '));
  if (unserved.length > 0)
    line(
      'not served',
      yellow(`${unserved.join(', ')} (steps that name them wait until somebody serves them)`),
    );
  line('queue', shownQueue(config.queue));
  if (addresses.grpc.length > 0) line('grpc', addresses.grpc.join(', '));
  if (addresses.http !== undefined) line('http', `${addresses.http} (its OpenAPI document: /openapi.json)`);
  line('next', `treadle run ${exampleOf(project)}, treadle tasks, treadle doctor; Ctrl-C stops`);
  terminal.print();
}

function psqlHint({ url, home }: PostgresServer): string {
  if (home === undefined) return 'psql "$DATABASE_URL"';
  const { hostname, port, username, pathname } = new URL(url);
  return `PGPASSWORD=$(cat '${home}/password') psql -h ${hostname} -p ${port} -U ${username} ${pathname.slice(1)}`;
}

function exampleOf({ templates }: Project): string {
  const [first] = templates;
  return `${first ? `${first.namespace_name}/${first.name}` : '<namespace>/<name>'} --context '{...}'`;
}
