// The registered template that an argument names. An error for an unknown name says which one was probably meant.
import { TreadleError } from '../core/errors.ts';
import { nearest } from '../core/template/nearest.ts';
import type { RegisteredTemplate, Templates } from '../engine/templates.ts';
import type { Database } from '../sql/database.ts';
import { listTemplates, type ListedTemplate } from '../sql/reports.ts';
import type { TemplateReference } from './arguments.ts';

/** Throws `unknown_template`. */
export async function findTemplate(
  database: Database,
  templates: Templates,
  reference: TemplateReference,
): Promise<RegisteredTemplate> {
  try {
    return await templates.find(reference);
  } catch (error) {
    if (!(error instanceof TreadleError) || error.code !== 'unknown_template' || error.cause) throw error;
    const advice = adviceFor(reference, await listTemplates(database));
    throw new TreadleError(error.code, `${error.message}${advice}`, { cause: error, details: error.details });
  }
}

function adviceFor({ namespace_name, name }: TemplateReference, known: readonly ListedTemplate[]): string {
  if (known.length === 0) return '; "treadle dev" and "treadle start" register the templates they find';
  const wanted = `${namespace_name}/${name}`;
  const versions = known.filter((other) => `${other.namespace_name}/${other.name}` === wanted);
  if (versions.length > 0)
    return `; registered versions: ${versions.map(({ version }) => version).join(', ')}`;
  const meant = nearest(
    wanted,
    known.map((other) => `${other.namespace_name}/${other.name}`),
  );
  return meant ? ` (did you mean ${meant}?)` : '; "treadle templates" lists those that are';
}
