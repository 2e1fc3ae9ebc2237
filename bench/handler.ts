// What the lifecycle around a handler costs in CPU time while nobody listens: runStep() with an empty process, beside a
// bare async call. No Postgres.
import { pino } from 'pino';
import type { StepInvocation } from '../handlers/step-context.ts';
import { HandlerRegistry } from '../handlers/registry.ts';
import { runStep } from '../handlers/step-handler.ts';
import { cpuMilliseconds } from './cpu.ts';
import { median, repeated, rounded } from './measure.ts';
import { NoopHandler } from './shapes.ts';
import { benchmarkWithoutServer } from './benchmark.ts';
import { table } from './report.ts';

export interface HandlerOptions {
  readonly quick: boolean;
  readonly runs: number;
}

export interface HandlerResult {
  readonly runs: number;
  readonly calls_per_run: number;
  readonly bare_call_us: number;
  readonly run_step_us: number;
  /** With a timeout: a timer is armed and cleared around each attempt. */
  readonly run_step_with_timeout_us: number;
  /** runStep beyond the bare call. */
  readonly overhead_us: number;
}

export const handler = benchmarkWithoutServer<HandlerResult>({
  name: 'handler',
  says: 'What the lifecycle around a handler costs beside a bare call. Needs no Postgres',
  runs: 5,
  measure: benchHandler,
  report: handlerText,
  headlines: ({ overhead_us }) => [['the lifecycle around a handler', `${overhead_us} microseconds`]],
});

async function benchHandler({ quick, runs }: HandlerOptions): Promise<HandlerResult> {
  const calls = quick ? 5_000 : 100_000;
  const noop = new HandlerRegistry([NoopHandler]).get('NoopHandler');
  const bare = async (): Promise<{ ok: boolean }> => ({ ok: true });
  const endless = invocation();
  const limited = { ...endless, timeout_ms: 60_000 };

  const times = await repeated(runs + 1, async () => ({
    bare: await microsecondsPerCall(calls, bare),
    plain: await microsecondsPerCall(calls, () => runStep(noop, endless)),
    limited: await microsecondsPerCall(calls, () => runStep(noop, limited)),
  }));
  const measured = times.slice(1); // the first round only warms up
  const bareUs = median(measured.map((time) => time.bare));
  const plainUs = median(measured.map((time) => time.plain));
  return {
    runs,
    calls_per_run: calls,
    bare_call_us: rounded(bareUs),
    run_step_us: rounded(plainUs),
    run_step_with_timeout_us: rounded(median(measured.map((time) => time.limited))),
    overhead_us: rounded(plainUs - bareUs),
  };
}

/** CPU time, as a busy machine stretches the time on the wall. */
async function microsecondsPerCall(calls: number, call: () => Promise<unknown>): Promise<number> {
  const start = cpuMilliseconds();
  for (let done = 0; done < calls; done += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one call at a time is what is measured
    await call();
  }
  return ((cpuMilliseconds() - start) * 1000) / calls;
}

function invocation(): StepInvocation {
  return {
    handler: 'NoopHandler',
    task: {
      task_id: 1,
      namespace_name: 'bench',
      name: 'handler',
      version: '1.0.0',
      context: { kind: 'handler' },
      initiator: null,
      source_system: null,
      reason: null,
      tags: [],
      requested_at: new Date(0),
    },
    step: { workflow_step_id: 1, name: 'step', attempt: 1, retry_limit: 3, inputs: null, results: null },
    parent_results: { parent: { ok: true } },
    handler_config: {},
    log: pino({ level: 'silent' }),
    emit: () => {},
    isHeard: () => false,
  };
}

function handlerText({ runs, calls_per_run, ...times }: HandlerResult): string {
  const title = `handler: one attempt around an empty process, in microseconds of CPU (medians of ${runs} runs of ${calls_per_run} calls)`;
  const body = [[times.overhead_us, times.bare_call_us, times.run_step_us, times.run_step_with_timeout_us]];
  return `${title}\n${table(['overhead', 'bare async call', 'runStep', 'runStep with timeout'], body)}`;
}
