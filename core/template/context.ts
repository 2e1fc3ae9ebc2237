// The border for task contexts: plain JSON that Postgres can store, never empty (Rails refuses to save such a task
// later), and fitting the template's schema. What comes out is a copy; nothing is filled in.
import type { TreadleError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { compileSchema } from './json-schema.ts';
import { isJsonObject, plainJson, under } from './json-value.ts';
import type { Finding } from './problems.ts';
import { describe, invalid } from './problems.ts';
import type { TaskTemplate } from './template.ts';

/** Returns the context as plain JSON, or throws TreadleError `invalid_context` that lists path, expected and came. */
export type ContextValidator = (context: unknown) => JsonObject;

/** Compiles the template's schema once (some milliseconds); keep the validator for as long as the template. */
export function compileContextSchema(template: Pick<TaskTemplate, 'name' | 'schema'>): ContextValidator {
  const schemaFindings = schemaCheck(template);
  return (context) => {
    const { json, findings } = plainJson(context);
    if (findings.some(({ at }) => at.length > 0)) throw invalidContext(template.name, findings);
    if (!isJsonObject(json) || Object.keys(json).length === 0) {
      const received = isJsonObject(json) ? 'an empty object' : describe(context);
      const expected = 'a JSON object with at least one key';
      throw invalidContext(template.name, [{ at: [], expected, received }]);
    }
    const misfits = schemaFindings(json);
    if (misfits.length > 0) throw invalidContext(template.name, misfits);
    return json;
  };
}

function schemaCheck({ name, schema }: Pick<TaskTemplate, 'name' | 'schema'>) {
  if (schema === undefined) return () => [];
  const compiled = compileSchema(schema);
  if ('validate' in compiled) return compiled.validate;
  throw invalid('invalid_template', `template ${name}`, under(['schema'], compiled.findings));
}

function invalidContext(task: string, findings: readonly Finding[]): TreadleError {
  return invalid('invalid_context', `task ${task}`, under(['context'], findings));
}
