// /analytics and /metrics: how much is done and how fast, from the tables alone. Where the Rails engine answers fixed figures (percentiles,
// buckets), nothing is answered rather than something invented.
import { z } from 'zod';
import { analyticsMetrics, healthCounts, slowest } from '../../sql/rest.ts';
import { endpoint, JsonText, type AnyEndpoint, type Call } from './endpoint.ts';
import { PlainText } from './plain-text.ts';
import { count } from './shapes.ts';

const TRENDS = { last_hour: 1, last_4_hours: 4, last_24_hours: 24 } as const;
const TREND_FIELDS = [
  'task_throughput',
  'completion_rate',
  'error_rate',
  'avg_task_duration',
  'avg_step_duration',
  'step_throughput',
] as const;
const SHOWN = 10;

async function trends({ db, caller }: Call<unknown, unknown, unknown>): Promise<object> {
  caller.requireAll('analytics');
  const entries = await Promise.all(
    Object.entries(TRENDS).map(async ([name, hours]) => [name, await analyticsMetrics(db, hours)] as const),
  );
  const [, latest = {}] = entries[0] ?? [];
  return {
    system_overview: {
      active_tasks: latest['active_tasks_count'] ?? 0,
      total_namespaces: latest['total_namespaces_count'] ?? 0,
      unique_task_types: latest['unique_task_types_count'] ?? 0,
      system_health_score: latest['system_health_score'] ?? 1,
    },
    performance_trends: Object.fromEntries(
      entries.map(([name, metrics]) => [
        name,
        Object.fromEntries(TREND_FIELDS.map((field) => [field, metrics[field] ?? 0])),
      ]),
    ),
    generated_at: new Date().toISOString(),
  };
}

const bottleneckQuery = z.object({
  namespace: z.string().optional(),
  name: z.string().optional(),
  version: z.string().optional(),
  period: count(1, 24 * 365)
    .default(24)
    .describe('hours'),
});

async function bottlenecks({
  db,
  caller,
  query,
}: Call<unknown, z.infer<typeof bottleneckQuery>, unknown>): Promise<JsonText> {
  const { namespace, name, version, period } = query;
  if (namespace === undefined) caller.requireAll('analytics of all namespaces');
  else caller.requireNamespace(namespace);
  const { tasks, steps } = await slowest(db, { hours: period, limit: SHOWN, namespace, name, version });
  const rest = JSON.stringify({
    scope: { namespace: namespace ?? null, name: name ?? null, version: version ?? null },
    analysis_period_hours: period,
    generated_at: new Date().toISOString(),
  });
  return new JsonText(
    `{"bottleneck_analysis":{"slowest_tasks":${tasks},"slowest_steps":${steps}},${rest.slice(1)}`,
  );
}

/** The text format of Prometheus: counts of the whole database. */
async function exposition({ db, caller }: Call<unknown, unknown, unknown>): Promise<PlainText> {
  caller.requireAll('metrics');
  const counts = await healthCounts(db);
  const lines = ['tasks', 'steps'].flatMap((what) => [
    `# HELP treadle_${what} ${what} by state, of the whole database`,
    `# TYPE treadle_${what} gauge`,
    ...['pending', 'in_progress', 'complete', 'error', 'cancelled'].flatMap((state) => {
      const value = counts[`${state}_${what}`];
      return value === undefined ? [] : [`treadle_${what}{state="${state}"} ${value}`];
    }),
  ]);
  return new PlainText(`${lines.join('\n')}\n`, 'text/plain; version=0.0.4; charset=utf-8');
}

const numbers = z.record(z.string(), z.number());
const rows = z.array(z.record(z.string(), z.json()));

export const analyticsEndpoints: readonly AnyEndpoint[] = [
  endpoint({
    method: 'get',
    path: '/analytics/performance',
    permission: 'tasker.analytics:index',
    summary: 'How much is done, and how fast, in the last hour, four hours and day. Durations are in seconds',
    answer: z.object({
      system_overview: numbers,
      performance_trends: z.object({ last_hour: numbers, last_4_hours: numbers, last_24_hours: numbers }),
      generated_at: z.string(),
    }),
    run: trends,
  }),
  endpoint({
    method: 'get',
    path: '/analytics/bottlenecks',
    permission: 'tasker.analytics:index',
    summary: 'The slowest tasks and steps',
    query: bottleneckQuery,
    answer: z.object({
      bottleneck_analysis: z.object({ slowest_tasks: rows, slowest_steps: rows }),
      scope: z.record(z.string(), z.string().nullable()),
      analysis_period_hours: z.int(),
      generated_at: z.string(),
    }),
    run: bottlenecks,
  }),
  endpoint({
    method: 'get',
    path: '/metrics',
    permission: 'tasker.metrics:index',
    summary: 'Counts by state in the text format of Prometheus',
    answer: z.string(),
    run: exposition,
  }),
];
