// Whether this machine and this project are fit: Node, the configuration, templates and the app module.
import type { Config } from '../../core/config.ts';
import { TreadleError } from '../../core/errors.ts';
import { HandlerRegistry } from '../../handlers/registry.ts';
import { loadProject } from '../engine-options.ts';
import { handlerText, unservedHere } from '../served-here.ts';
import { fail, ok, warn, type Check } from './check.ts';

const OLDEST_NODE = [20, 19] as const;

export function nodeCheck(version: string = process.versions.node): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = OLDEST_NODE;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor))
    return ok('node', `Node ${version}`);
  return fail('node', `Node ${version} is too old`, `Use Node ${OLDEST_NODE.join('.')} or newer.`);
}

/** What this project brings, and whether somebody serves what its templates name: it does, or a live process that serves `elsewhere`. */
export async function projectCheck(config: Config, elsewhere: ReadonlySet<string>): Promise<Check> {
  try {
    const project = await loadProject(config);
    const { app, templates } = project;
    const registry = new HandlerRegistry(app.handlers);
    for (const given of app.templates) if ('handlers' in given) registry.add(given.handlers as never);
    const missing = unservedHere(project, config.environment, { typescript: registry.names() });
    const found = `app module: ${app.file ?? 'none'}, templates: ${templates.length}, handlers: ${registry.names().length}`;
    const names = missing.map(handlerText).join(', ');
    if (missing.length === 0) return ok('project', found);
    if (missing.every(({ handler }) => elsewhere.has(handler)))
      return ok('project', `${found}; other processes serve ${names}`);
    return warn(
      'project',
      `${found}; this project does not serve ${names}`,
      'Export these handlers from the app module, or run them in another process.',
    );
  } catch (error) {
    if (!(error instanceof TreadleError)) throw error;
    return fail(
      'project',
      error.message,
      'Mend the file; "treadle templates check <file>" checks one by itself.',
    );
  }
}
