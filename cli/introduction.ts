// What `treadle dev` says once everything runs: where everything is, and what to do next.
import { shownQueue } from '../core/queue-url.ts';
import type { Config } from '../core/config.ts';
import type { Engine } from '../engine/engine.ts';
import type { PostgresServer } from '../sql/server/resolve.ts';
import type { Project } from './engine-options.ts';
import type { NativeWorkers } from './native.ts';
import { shownUrl } from './open-database.ts';
import { handlerText, unservedHere } from './served-here.ts';
import type { Addresses } from './servers.ts';
import { templateTitle } from './template-files.ts';
import type { Terminal } from './terminal.ts';

export interface Introduced {
  readonly config: Config;
  readonly project: Project;
  readonly engine: Engine;
  readonly native: NativeWorkers;
  readonly server: PostgresServer;
  readonly addresses: Addresses;
}

export function introduce(terminal: Terminal, introduced: Introduced): void {
  const { config, project, engine, native, server, addresses } = introduced;
  const { bold, dim, yellow } = terminal.colors;
  const line = (title: string, text: string): void => terminal.print(`  ${bold(title.padEnd(10))} ${text}`);
  const offers = { typescript: engine.handlers, ...native.offers };
  const unserved = unservedHere(project, config.environment, offers).map(handlerText).toSorted();
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
  for (const [runtime, handlers] of Object.entries(native.offers))
    line(runtime.replace('native-', ''), `${handlers.join(', ')} (in this process)`);
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
