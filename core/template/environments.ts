// The template of one environment ("production", "test"): the base with that environment's changes merged in.
import { mergeEnvironment } from './merge.ts';
import { isJsonObject, plainJson } from './json-value.ts';
import type { TaskTemplate } from './template.ts';
import { parseTemplate } from './template.ts';

/**
 * The template as it is in `env`, without `environments`. A template that does not name `env` is returned as its base.
 * Parsing has checked every environment already; the merged value is checked again, so what comes out can be trusted
 * even when the template was changed in between (TreadleError `invalid_template`).
 */
export function forEnvironment(template: TaskTemplate, env: string): TaskTemplate {
  const { environments = {}, ...base } = template;
  const overlay = Object.hasOwn(environments, env) ? environments[env] : undefined;
  if (!overlay) return base;
  const { json } = plainJson(base);
  const source = `${template.namespace_name}/${template.name}@${template.version} in ${env}`;
  return parseTemplate(isJsonObject(json) ? mergeEnvironment(json, overlay) : json, source);
}
