// /health: whether this engine can take work, whether it lives, and how the whole database stands.
import { z } from 'zod';
import { analyticsMetrics, healthCounts, type HealthCounts } from '../../sql/rest.ts';
import { endpoint, type AnyEndpoint, type Call } from './endpoint.ts';
import { Problem } from './problem.ts';

/** Shares from which on the whole is unhealthy, as in the Rails engine. */
const MOST_CONNECTIONS = 0.9;
const MOST_ERRORS = 0.5;

async function readiness({ engine }: Call<unknown, unknown, unknown>): Promise<object> {
  const began = performance.now();
  const { database, queue, railsQueue, workers, running, status } = await engine.health();
  const rails = railsQueue && { rails_queue: checkOf(railsQueue) };
  const ofWorkers = workers && { workers: checkOf(workers) };
  const checks = { database: checkOf(database), queue: checkOf(queue), ...rails, ...ofWorkers };
  const body = {
    ready: status !== 'down',
    checks,
    message: running
      ? status === 'ok'
        ? 'ready'
        : `${status}: ${firstTrouble(checks)}`
      : 'the engine does not run',
    timestamp: new Date().toISOString(),
    check_duration: (performance.now() - began) / 1000,
  };
  if (body.ready) return body;
  const failed_checks = Object.entries(checks).flatMap(([name, check]) =>
    check.status === 'healthy' ? [] : [name],
  );
  throw new Problem(503, { ...body, failed_checks });
}

function firstTrouble(checks: Record<string, { status: string; message: string }>): string {
  return Object.values(checks).find(({ status }) => status === 'unhealthy')?.message ?? '';
}

function checkOf({ ok, message }: { readonly ok: boolean; readonly message: string }) {
  return { status: ok ? 'healthy' : 'unhealthy', message };
}

async function standing({ db, caller }: Call<unknown, unknown, unknown>): Promise<object> {
  caller.requireAll('health/status');
  const began = performance.now();
  const [counts, hour] = await Promise.all([healthCounts(db), analyticsMetrics(db, 1)]);
  const healthy = isHealthy(counts);
  const body = {
    healthy,
    status: healthy ? 'healthy' : 'unhealthy',
    metrics: metricsOf(counts),
    database: {
      active_connections: counts['active_connections'] ?? 0,
      max_connections: counts['max_connections'] ?? 0,
      connection_utilization: share(counts, 'active_connections', 'max_connections'),
    },
    performance_analytics: {
      trends: {
        task_creation_rate: hour['task_throughput'] ?? 0,
        completion_rate: hour['completion_rate'] ?? 0,
        error_rate: hour['error_rate'] ?? 0,
        avg_step_duration: hour['avg_step_duration'] ?? 0,
      },
    },
    cached: false,
    timestamp: new Date().toISOString(),
    generation_duration: (performance.now() - began) / 1000,
  };
  if (healthy) return body;
  throw new Problem(503, body);
}

function isHealthy(counts: HealthCounts): boolean {
  return (
    share(counts, 'active_connections', 'max_connections') <= MOST_CONNECTIONS &&
    share(counts, 'error_tasks', 'total_tasks') <= MOST_ERRORS &&
    share(counts, 'error_steps', 'total_steps') <= MOST_ERRORS
  );
}

function share(counts: HealthCounts, part: string, whole: string): number {
  const all = counts[whole] ?? 0;
  return all === 0 ? 0 : (counts[part] ?? 0) / all;
}

function metricsOf(counts: HealthCounts): object {
  const of = (suffix: string, names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, counts[`${name}_${suffix}`] ?? 0]));
  return {
    tasks: of('tasks', ['total', 'pending', 'in_progress', 'complete', 'error', 'cancelled']),
    steps: of('steps', ['total', 'pending', 'in_progress', 'complete', 'error']),
    retries: {
      retryable_errors: counts['retryable_error_steps'] ?? 0,
      exhausted_retries: counts['exhausted_retry_steps'] ?? 0,
      in_backoff: counts['in_backoff_steps'] ?? 0,
    },
  };
}

const numbers = z.record(z.string(), z.number());
const check = z.object({ status: z.enum(['healthy', 'unhealthy']), message: z.string() });

export const healthEndpoints: readonly AnyEndpoint[] = [
  endpoint({
    method: 'get',
    path: '/health/ready',
    permission: undefined,
    summary: 'Whether this engine can take work; 503 when not',
    answer: z.object({
      ready: z.boolean(),
      checks: z.object({
        database: check,
        queue: check,
        rails_queue: check.optional(),
        workers: check.optional(),
      }),
      message: z.string(),
      timestamp: z.string(),
      check_duration: z.number().describe('seconds'),
    }),
    run: readiness,
  }),
  endpoint({
    method: 'get',
    path: '/health/live',
    permission: undefined,
    summary: 'That this process lives',
    answer: z.object({ alive: z.literal(true), timestamp: z.string(), service: z.string() }),
    run: async () => ({ alive: true, timestamp: new Date().toISOString(), service: 'tasker' }),
  }),
  endpoint({
    method: 'get',
    path: '/health/status',
    permission: 'tasker.health_status:index',
    summary: 'How the whole database stands; 503 when more than half of it failed or connections run out',
    answer: z.object({
      healthy: z.boolean(),
      status: z.enum(['healthy', 'unhealthy']),
      metrics: z.object({ tasks: numbers, steps: numbers, retries: numbers }),
      database: numbers,
      performance_analytics: z.object({ trends: numbers }),
      cached: z.boolean(),
      timestamp: z.string(),
      generation_duration: z.number().describe('seconds'),
    }),
    run: standing,
  }),
];
