// Template files: a folder of YAML and JSON, read whole. Every bad file is reported, not just the first.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { TreadleError } from '../core/errors.ts';
import { readTemplate } from '../core/template/read.ts';
import type { TaskTemplate } from '../core/template/template.ts';

export interface TemplateFile {
  readonly file: string;
  readonly template: TaskTemplate;
}

const DEFAULT_DIRECTORY = 'templates';
const TEMPLATE_FILE = /\.(ya?ml|json)$/i;

/** All template files under `directory` (default: `templates`, where there is one), in the order of their paths. */
export function loadTemplateDirectory(directory: string | undefined): TemplateFile[] {
  const folder = directory ?? DEFAULT_DIRECTORY;
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory()) return readTemplateFiles(templateFilesUnder(folder));
  if (directory === undefined) return [];
  throw new TreadleError(
    'invalid_config',
    `the templates folder ${directory} ${found ? 'is no folder' : 'does not exist'}`,
  );
}

/** @throws TreadleError `invalid_template` with the problems of all files, a line each. */
export function readTemplateFiles(files: readonly string[]): TemplateFile[] {
  const read: TemplateFile[] = [];
  const failures: TreadleError[] = [];
  for (const file of files) {
    try {
      read.push({ file, template: readTemplate(contentOf(file), file) });
    } catch (error) {
      if (!(error instanceof TreadleError)) throw error;
      failures.push(error);
    }
  }
  failures.push(...twice(read));
  if (failures.length === 0) return read;
  throw new TreadleError('invalid_template', failures.map(({ message }) => message).join('\n'), {
    details: { files: failures.map(({ message, details }) => ({ message, ...details })) },
  });
}

function templateFilesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && TEMPLATE_FILE.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (path) =>
        !relative(folder, path)
          .split(sep)
          .some((part) => part.startsWith('.') || part === 'node_modules'),
    )
    .toSorted();
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new TreadleError('invalid_template', `${file}: cannot be read (${reason})`, {
      cause,
      details: { source: file },
    });
  }
}

/** `namespace/name@version` */
export function templateTitle({
  namespace_name,
  name,
  version,
}: Pick<TaskTemplate, 'namespace_name' | 'name' | 'version'>): string {
  return `${namespace_name}/${name}@${version}`;
}

function twice(files: readonly TemplateFile[]): TreadleError[] {
  const first = new Map<string, string>();
  return files.flatMap(({ file, template }) => {
    const title = templateTitle(template);
    const other = first.get(title);
    if (other === undefined) first.set(title, file);
    if (other === undefined) return [];
    const message = `${file}: expected a template of its own, came ${title}, which ${other} holds already`;
    return [new TreadleError('invalid_template', message, { details: { source: file } })];
  });
}
