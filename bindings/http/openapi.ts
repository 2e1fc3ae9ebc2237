// The OpenAPI document, made of the same endpoints and schemas as the routes.
import { z } from 'zod';
import type { AnyEndpoint } from './endpoint.ts';

const ERRORS: Readonly<Record<string, string>> = {
  '400': 'the request is not as expected',
  '401': 'no valid token',
  '403': 'the token lacks the permission',
  '404': 'there is no such thing',
  '409': 'its state does not allow that',
  '422': 'a value cannot be taken',
  '503': 'Postgres or the queue is away',
};
const problem = z.object({
  error: z.union([z.string(), z.record(z.string(), z.array(z.string()))]),
  message: z.string().optional(),
});

export function openApi(endpoints: readonly AnyEndpoint[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const one of endpoints) (paths[one.path] ??= {})[one.method] = operationOf(one);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Treadle',
      version,
      description:
        'The REST API of the Rails engine Tasker, served by Treadle: an existing client needs only a new base URL.',
    },
    paths,
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  };
}

function operationOf({
  method,
  path,
  summary,
  permission,
  params,
  query,
  body,
  answer,
  status = 200,
}: AnyEndpoint): object {
  const errors = Object.entries(ERRORS).map(([code, description]) => [
    code,
    { description, ...jsonOf(problem, 'output') },
  ]);
  return {
    operationId: `${method}_${path.replaceAll(/[{}]/g, '').split('/').filter(Boolean).join('_')}`,
    summary,
    ...(permission === undefined ? { security: [] } : { security: [{ bearer: [permission] }] }),
    parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query')],
    ...(body === undefined
      ? {}
      : { requestBody: { required: !body.safeParse(undefined).success, ...jsonOf(body, 'input') } }),
    responses: {
      [String(status)]: { description: 'well', ...jsonOf(answer, 'output') },
      ...Object.fromEntries(errors),
    },
  };
}

function jsonOf(schema: z.ZodType, io: 'input' | 'output'): object {
  return { content: { 'application/json': { schema: schemaOf(schema, io) } } };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...plain } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return plain;
}

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): object[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' });
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || (required.includes(name) && !hasDefault(property)),
    schema: property,
  }));
}

function hasDefault(property: unknown): boolean {
  return typeof property === 'object' && property !== null && 'default' in property;
}
