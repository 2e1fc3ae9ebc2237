// What the lifecycle around a handler costs: runStep() with an empty process, beside a bare async call. No Postgres.
import { pino } from 'pino';
import type { StepInvocation } from '../handlers/step-context.ts';
import { HandlerRegistry } from '../handlers/registry.ts';
import { runStep } from '../handlers/step-handler.ts';
import { median, repeated, rounded } from './measure.ts';
import { NoopHandler } from './shapes.ts';

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

export async function benchHandler({ quick, runs }: HandlerOptions): Promise<HandlerResult> {
  const calls = quick ? 5_000 : 100_000;
  const handler = new HandlerRegistry([NoopHandler]).get('NoopHandler');
  const bare = async (): Promise<{ ok: boolean }> => ({ ok: true });
  const endless = invocation();
  const limited = { ...endless, timeout_ms: 60_000 };

  const times = await repeated(runs + 1, async () => ({
    bare: await microsecondsPerCall(calls, bare),
    plain: await microsecondsPerCall(calls, () => runStep(handler, endless)),
    limited: await microsecondsPerCall(calls, () => runStep(handler, limited)),
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

async function microsecondsPerCall(calls: number, call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  for (let done = 0; done < calls; done += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one call at a time is what is measured
    await call();
  }
  return ((performance.now() - start) * 1000) / calls;
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
    signal: new AbortController().signal,
    log: pino({ level: 'silent' }),
    emit: () => {},
  };
}
