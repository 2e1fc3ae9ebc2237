// /handlers: which task handlers (registered templates) there are, by namespace, with the graph of their steps.
import { z } from 'zod';
import { listTemplateDetails, templateDetail, type TemplateDetail } from '../../sql/details.ts';
import { listWorkers } from '../../sql/diagnosis.ts';
import { endpoint, type AnyEndpoint, type Call } from './endpoint.ts';
import { notFound } from './problem.ts';

const handler = z.object({
  name: z.string(),
  namespace: z.string(),
  versions: z.array(z.string()),
  latest_version: z.string(),
  handler_count: z.int(),
});
const path = z.object({ namespace: z.string() });
const onePath = path.extend({ name: z.string() });
const oneQuery = z.object({ version: z.string().default('latest') });

async function namespaces({ caller, db }: Call<unknown, unknown, unknown>): Promise<object> {
  const templates = await listTemplateDetails(db, await caller.namespaces(db, undefined));
  const counts = grouped(templates, ({ namespace_name }) => namespace_name);
  return {
    namespaces: [...counts].map(([name, list]) => ({ name, handler_count: list.length })),
    total_namespaces: counts.size,
    generated_at: new Date().toISOString(),
  };
}

async function ofNamespace({
  caller,
  db,
  params,
}: Call<z.infer<typeof path>, unknown, unknown>): Promise<object> {
  const { namespace } = params;
  const templates = caller.sees(namespace) ? await listTemplateDetails(db, [namespace]) : [];
  if (templates.length === 0) throw notFound('Namespace not found');
  const handlers = [...grouped(templates, ({ name }) => name)].map(([name, list]) => {
    const versions = list.map(({ version }) => version); // oldest first, by number
    return {
      name,
      namespace,
      versions,
      latest_version: versions.at(-1) ?? '',
      handler_count: versions.length,
    };
  });
  return { namespace, handlers, total_handlers: handlers.length };
}

function grouped<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

async function one({
  caller,
  db,
  params,
  query,
}: Call<z.infer<typeof onePath>, z.infer<typeof oneQuery>, unknown>): Promise<object> {
  const { namespace, name } = params;
  if (!caller.sees(namespace)) throw notFound('Namespace not found');
  const version = query.version === 'latest' ? undefined : query.version;
  const template = await templateDetail(db, { namespace_name: namespace, name, version });
  const served = new Set(
    (await listWorkers(db)).filter(({ alive }) => alive).flatMap(({ handlers }) => handlers),
  );
  const generated_at = new Date().toISOString();
  return { handler: shown(template, served), generated_at, cache_key: null };
}

function shown(template: TemplateDetail, served: ReadonlySet<string>): object {
  const { namespace_name, name, version, steps } = template;
  return {
    name,
    namespace: namespace_name,
    version,
    full_name: `${namespace_name}.${name}@${version}`,
    class_name: name,
    available: steps.every((step) => served.has(step.handler)),
    step_templates: steps.map((step) => ({
      name: step.name,
      handler_class: step.handler,
      depends_on_steps: step.depends_on_steps,
      ...(step.runtime === null ? {} : { runtime: step.runtime }),
    })),
    dependency_graph: {
      nodes: steps.map((step) => ({
        id: step.name,
        name: step.name,
        type: 'step',
        handler_class: step.handler,
        configuration: {},
      })),
      edges: steps.flatMap((step) =>
        step.depends_on_steps.map((from) => ({ from, to: step.name, type: 'dependency' })),
      ),
      execution_order: executionOrder(steps),
    },
  };
}

/** Parents before their children; in the order of the template otherwise. */
function executionOrder(steps: TemplateDetail['steps']): string[] {
  const order: string[] = [];
  let rest = [...steps];
  while (rest.length > 0) {
    const next = rest.filter((step) => step.depends_on_steps.every((parent) => order.includes(parent)));
    if (next.length === 0) break;
    order.push(...next.map((step) => step.name));
    rest = rest.filter((step) => !next.includes(step));
  }
  return order;
}

const graph = z.object({
  nodes: z.array(z.object({ id: z.string(), name: z.string() }).loose()),
  edges: z.array(z.object({ from: z.string(), to: z.string(), type: z.literal('dependency') })),
  execution_order: z.array(z.string()),
});

export const handlerEndpoints: readonly AnyEndpoint[] = [
  endpoint({
    method: 'get',
    path: '/handlers',
    permission: 'tasker.handler:index',
    summary: 'Namespaces, with how many task handlers each has',
    answer: z.object({
      namespaces: z.array(z.object({ name: z.string(), handler_count: z.int() })),
      total_namespaces: z.int(),
      generated_at: z.string(),
    }),
    run: namespaces,
  }),
  endpoint({
    method: 'get',
    path: '/handlers/{namespace}',
    permission: 'tasker.handler:index',
    summary: 'The task handlers of a namespace',
    params: path,
    answer: z.object({ namespace: z.string(), handlers: z.array(handler), total_handlers: z.int() }),
    run: ofNamespace,
  }),
  endpoint({
    method: 'get',
    path: '/handlers/{namespace}/{name}',
    permission: 'tasker.handler:show',
    summary: 'One task handler; version is the latest unless the query says otherwise',
    params: onePath,
    query: oneQuery,
    answer: z.object({
      handler: z.object({ name: z.string(), version: z.string(), dependency_graph: graph }).loose(),
      generated_at: z.string(),
      cache_key: z.string().nullable(),
    }),
    run: one,
  }),
];
