// The app module: where a project says which handlers it serves and, when it writes templates in TypeScript, which
// templates. A module beside the project's package.json, found by name or named by --app or TREADLE_APP.
import { existsSync } from 'node:fs';
import { register as registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TreadleError } from '../core/errors.ts';
import type { TaskDefinition } from '../core/template/builder.ts';
import type { TaskTemplate } from '../core/template/template.ts';
import { HttpHandler } from '../handlers/http.ts';
import { HandlerRegistry, type HandlerSource } from '../handlers/registry.ts';

export interface App {
  /** The file, undefined when the project has none. */
  readonly file: string | undefined;
  /** By name: those of the module and the ready-made ones. */
  readonly handlers: HandlerSource;
  readonly templates: readonly (TaskTemplate | TaskDefinition)[];
}

const DEFAULT_FILES = ['treadle.app.ts', 'treadle.app.js', 'treadle.app.mjs'];
const READY_MADE = { [HttpHandler.handlerName]: HttpHandler };
const EXPECTED =
  'expected exports named "handlers" (an array, or a record of name to StepHandler class) and/or "templates" (an array)';

/**
 * Loads the app module; TypeScript runs as it is.
 * @throws TreadleError `invalid_config` when the file is missing, cannot be loaded or exports something else.
 */
export async function loadApp(file: string | undefined, directory = process.cwd()): Promise<App> {
  const path = file ?? DEFAULT_FILES.find((name) => existsSync(resolve(directory, name)));
  if (path === undefined) return { file: undefined, handlers: READY_MADE, templates: [] };
  const absolute = resolve(directory, path);
  if (!existsSync(absolute)) {
    throw new TreadleError('invalid_config', `the app module ${path} does not exist`);
  }
  const exported = exportsOf(path, await importModule(path, absolute));
  return {
    file: path,
    handlers: withReadyMade(path, exported['handlers']),
    templates: templatesOf(path, exported['templates']),
  };
}

async function importModule(path: string, absolute: string): Promise<unknown> {
  if (/\.[cm]?ts$/.test(absolute)) await registerTypeScript();
  try {
    return await import(pathToFileURL(absolute).href);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TreadleError('invalid_config', `the app module ${path} cannot be loaded: ${reason}`, { cause });
  }
}

/** Under a package.json without "type": "module", Node would take a .ts file for CommonJS and load this package a second time. */
const TS_IS_ESM = `export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  return /\\.ts($|\\?)/.test(resolved.url) ? { ...resolved, format: 'module' } : resolved;
}`;

async function registerTypeScript(): Promise<void> {
  // run from sources we are under tsx already, and a second registration would transform twice
  if (!import.meta.url.endsWith('.ts')) (await import('tsx/esm/api')).register();
  registerHooks(`data:text/javascript,${encodeURIComponent(TS_IS_ESM)}`);
}

/** Named exports, or those of a default export: a project without "type": "module" has its exports there. */
function exportsOf(path: string, module: unknown): Record<string, unknown> {
  for (let value = module; isRecord(value); value = value['default']) {
    if ('handlers' in value || 'templates' in value) return value;
  }
  throw new TreadleError('invalid_config', `the app module ${path}: ${EXPECTED}, came neither`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** What the registry makes of the exports decides; a project's own `http` takes the place of the ready-made one. */
function withReadyMade(path: string, handlers: unknown): HandlerSource {
  if (handlers === undefined) return READY_MADE;
  if (!isRecord(handlers)) throw new TreadleError('invalid_config', `the app module ${path}: ${EXPECTED}`);
  const source = handlers as HandlerSource;
  assertServable(source);
  const own = Array.isArray(source)
    ? Object.fromEntries(source.map((handler) => [handler.handlerName ?? handler.name, handler]))
    : { ...handlers };
  return { ...READY_MADE, ...own };
}

/** Says what is wrong with a class, by its name. */
function assertServable(source: HandlerSource): HandlerRegistry {
  return new HandlerRegistry(source);
}

function templatesOf(path: string, templates: unknown): readonly (TaskTemplate | TaskDefinition)[] {
  if (templates === undefined) return [];
  const list: unknown[] = Array.isArray(templates)
    ? templates
    : isRecord(templates)
      ? Object.values(templates)
      : [];
  const isTemplate = (value: unknown) =>
    isRecord(value) && ('template' in value || 'step_templates' in value);
  const stranger = list.findIndex((value) => !isTemplate(value));
  if (stranger < 0 && isRecord(templates)) return list as (TaskTemplate | TaskDefinition)[];
  throw new TreadleError(
    'invalid_config',
    `the app module ${path}: expected "templates" to hold what defineTask(...).build() or parseTemplate returned, ` +
      `which ${stranger < 0 ? typeof templates : `entry ${stranger}`} is not`,
  );
}
