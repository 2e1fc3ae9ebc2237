// JSON Schemas as templates carry them: compiled by ajv under the dialect that `$schema` names (draft-07 when it names
// none), and the errors of schema and data as findings. Defaults are never inserted, formats are checked, optional
// properties are optional.
import { Ajv } from 'ajv';
import type { ErrorObject, Options, ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { JsonObject } from '../json.ts';
import type { Finding, Path } from './problems.ts';
import { describe, oneOf } from './problems.ts';

export type CompiledSchema =
  { readonly validate: (value: unknown) => readonly Finding[] } | { readonly findings: readonly Finding[] };

type Dialect = typeof Ajv | typeof Ajv2019 | typeof Ajv2020;

// Schemas of draft-04 and draft-06 are read as draft-07: what differs (boolean exclusiveMinimum) is refused as invalid.
const DIALECTS: Readonly<Record<string, Dialect>> = {
  'json-schema.org/draft-04/schema': Ajv,
  'json-schema.org/draft-06/schema': Ajv,
  'json-schema.org/draft-07/schema': Ajv,
  'json-schema.org/draft/2019-09/schema': Ajv2019,
  'json-schema.org/draft/2020-12/schema': Ajv2020,
};

// verbose: errors carry the value they are about. ownProperties: "toString" is no property that everything has.
const OPTIONS: Options = {
  allErrors: true,
  strict: false,
  logger: false,
  verbose: true,
  ownProperties: true,
};

const schemaCheckers = new Map<Dialect, Ajv>();

/** Compiles a schema, or says why it is none. Paths of findings start at the schema or at the validated value. */
export function compileSchema(schema: JsonObject): CompiledSchema {
  const { $schema: uri = 'http://json-schema.org/draft-07/schema#', ...body } = schema;
  const dialect = typeof uri === 'string' ? DIALECTS[uri.replace(/^https?:\/\/|#$/g, '')] : undefined;
  if (!dialect) {
    return {
      findings: [
        { at: ['$schema'], expected: 'draft-07 or 2020-12 of JSON Schema', received: describe(uri) },
      ],
    };
  }
  const findings = schemaFindings(dialect, body);
  return findings.length > 0 ? { findings } : compileBody(dialect, body);
}

/** Against the meta-schema. One checker per dialect is kept: compiling a meta-schema is the expensive part. */
function schemaFindings(dialect: Dialect, body: JsonObject): Finding[] {
  const checker = schemaCheckers.get(dialect) ?? new dialect(OPTIONS);
  schemaCheckers.set(dialect, checker);
  if (body['$async'] === true)
    return [{ at: ['$async'], expected: 'a schema without $async', received: 'true' }];
  if (checker.validateSchema(body) === true) return [];
  const seen = new Set<string>();
  return (checker.errors ?? []).flatMap((error) => {
    if (seen.has(error.instancePath)) return [];
    seen.add(error.instancePath);
    return [{ ...toFinding(error), expected: `a valid JSON Schema (here ${toFinding(error).expected})` }];
  });
}

/** A new ajv each time: it would keep every schema, and refuse the second one of the same `$id`. */
function compileBody(dialect: Dialect, body: JsonObject): CompiledSchema {
  const ajv = new dialect({ ...OPTIONS, validateSchema: false });
  addFormats.default(ajv);
  try {
    const validate = ajv.compile(body);
    return { validate: (value) => errorsOf(validate, value).map(toFinding) };
  } catch (cause) {
    const received = cause instanceof Error ? cause.message : String(cause);
    return { findings: [{ at: [], expected: 'a valid JSON Schema', received }] };
  }
}

function errorsOf(validate: ValidateFunction, value: unknown): ErrorObject[] {
  return validate(value) ? [] : withoutBranches([...(validate.errors ?? [])]);
}

/** The errors inside the branches of an anyOf or oneOf, said as one when all of them are about the same value. */
function withoutBranches(errors: ErrorObject[]): ErrorObject[] {
  return errors
    .filter((error) => error.keyword === 'anyOf' || error.keyword === 'oneOf')
    .reduce((left, union) => {
      const branches = left.filter((error) => error.schemaPath.startsWith(`${union.schemaPath}/`));
      if (branches.length === 0) return left;
      if (branches.some((branch) => branch.instancePath !== union.instancePath)) {
        return left.filter((error) => error !== union);
      }
      const message = [...new Set(branches.map(expectedBy))].join(' or ');
      return left
        .filter((error) => !branches.includes(error))
        .map((error) => (error === union ? { ...union, keyword: 'union', message } : error));
    }, errors);
}

function toFinding(error: ErrorObject): Finding {
  const at = pointerPath(error.instancePath);
  if (error.keyword === 'required') {
    return {
      at: [...at, String(error.params['missingProperty'])],
      expected: expectedBy(error),
      received: 'nothing',
    };
  }
  const extra: unknown = error.params['additionalProperty'] ?? error.params['unevaluatedProperty'];
  if (typeof extra !== 'string') return { at, expected: expectedBy(error), received: describe(error.data) };
  const known = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {});
  return { at: [...at, extra], expected: oneOf('a known key', extra, known), received: describe(extra) };
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
};

/** Keywords whose error carries a `limit`, with the words around it. */
const LIMIT_WORDS: Readonly<Record<string, (limit: number) => string>> = {
  minimum: (limit) => `at least ${limit}`,
  maximum: (limit) => `at most ${limit}`,
  exclusiveMinimum: (limit) => `more than ${limit}`,
  exclusiveMaximum: (limit) => `less than ${limit}`,
  minLength: (limit) => `text of ${counted(limit, 'character')} or more`,
  maxLength: (limit) => `text of ${counted(limit, 'character')} at most`,
  minItems: (limit) => `a list of ${counted(limit, 'item')} or more`,
  maxItems: (limit) => `a list of ${counted(limit, 'item')} at most`,
};

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

function expectedBy({ keyword, params, message }: ErrorObject): string {
  const limited = LIMIT_WORDS[keyword];
  if (limited) return limited(Number(params['limit']));
  switch (keyword) {
    case 'type':
      return [params['type'] as string | string[]]
        .flat()
        .map((type) => TYPE_WORDS[type] ?? type)
        .join(' or ');
    case 'required':
      return 'a value';
    case 'enum':
      return `one of ${(params['allowedValues'] as unknown[]).map((value) => JSON.stringify(value)).join(', ')}`;
    case 'const':
      return JSON.stringify(params['allowedValue']);
    case 'pattern':
      return `text that matches ${String(params['pattern'])}`;
    case 'format':
      return `text in the format ${JSON.stringify(params['format'])}`;
    case 'union':
      return message ?? 'another value';
    default:
      return `a value that ${message ?? `passes ${keyword}`}`;
  }
}

/** A JSON pointer as a path; a part made of digits is taken for an index. */
function pointerPath(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^(0|[1-9]\d*)$/.test(part) ? Number(part) : part));
}
