// The results for people: tables with the machine above them. Ratios come first, as they survive a busy machine.
import Table from 'cli-table3';
import type { DiscoveryResult } from './discovery.ts';
import type { HandlerResult } from './handler.ts';
import type { LatencyResult } from './latency.ts';
import type { Machine } from './machine.ts';
import type { RecoveryResult } from './recovery.ts';
import type { SweepResult } from './sweep.ts';
import type { ThroughputResult } from './throughput.ts';

/** Every benchmark that was run. */
export interface Results {
  readonly discovery?: DiscoveryResult;
  readonly throughput?: ThroughputResult;
  readonly latency?: LatencyResult;
  readonly recovery?: RecoveryResult;
  readonly sweep?: SweepResult;
  readonly handler?: HandlerResult;
}

export function reportText(machine: Machine, results: Results): string {
  const { discovery, throughput, latency, recovery, sweep, handler } = results;
  return [
    machineText(machine),
    ...(discovery ? [discoveryText(discovery)] : []),
    ...(throughput ? [throughputText(throughput)] : []),
    ...(latency ? [latencyText(latency)] : []),
    ...(recovery ? [recoveryText(recovery)] : []),
    ...(sweep ? [sweepText(sweep)] : []),
    ...(handler ? [handlerText(handler)] : []),
  ].join('\n\n');
}

function machineText(machine: Machine): string {
  const { cpu, cores, memory_gb, load, node, measured_at } = machine;
  const postgres =
    machine.postgres === 'none'
      ? ''
      : `Postgres ${machine.postgres}, fsync ${machine.fsync}, synchronous_commit ${machine.synchronous_commit}, ` +
        `shared_buffers ${machine.shared_buffers}\n`;
  return `${cpu}, ${cores} cores, ${memory_gb} GB, load ${load}, Node ${node}\n${postgres}${measured_at}`;
}

function discoveryText({ samples, rows }: DiscoveryResult): string {
  const head = [
    'steps',
    'tasks',
    'viable',
    'times faster',
    'claim',
    'no lock',
    'by task',
    'verdicts',
    'readiness',
  ];
  const body = rows.map((row) => [
    row.steps.toLocaleString('en'),
    row.tasks.toLocaleString('en'),
    row.viable,
    `${row.times_faster}x`,
    row.claim_ms,
    row.read_ms,
    row.read_by_task_ms,
    row.verdicts_ms,
    row.readiness_batch_ms,
  ]);
  const title = `discovery: finding the steps that can run, in ms on the server (medians of ${samples} samples)`;
  return `${title}\n${table(head, body)}`;
}

function throughputText({ runs, concurrency, shapes }: ThroughputResult): string {
  const head = [
    'shape',
    'tasks',
    'steps',
    'steps/s',
    'CPU us/step: node',
    'postgres',
    'created tasks/s',
    'steps/s',
    'audit rows',
  ];
  const body = shapes.map((row) => [
    row.shape,
    row.tasks,
    row.steps,
    row.steps_per_second,
    row.node_cpu_us_per_step,
    row.postgres_cpu_us_per_step ?? '-',
    row.tasks_created_per_second,
    row.steps_created_per_second,
    row.transitions,
  ]);
  const title = `throughput: no-op steps through the whole engine, one process, concurrency ${concurrency} (medians of ${runs} runs)`;
  return `${title}\n${table(head, body)}`;
}

function latencyText({ runs, tasks, ...times }: LatencyResult): string {
  const title = `latency: seven steps in a chain on an idle engine, in ms (medians of ${runs} runs of ${tasks} tasks)`;
  const body = [[times.task_p50_ms, times.task_p99_ms, times.step_to_step_p50_ms]];
  return `${title}\n${table(['task p50', 'task p99', 'step to next step p50'], body)}`;
}

function recoveryText({ modes }: RecoveryResult): string {
  const title = 'recovery: from kill -9 of an engine to its step running in another, in ms';
  const body = modes.map((row) => [
    row.mode,
    `${row.lease_seconds} s`,
    row.kills,
    row.p50_ms,
    row.p99_ms,
    row.worst_ms,
  ]);
  return `${title}\n${table(['by', 'lease', 'kills', 'p50', 'p99', 'worst'], body)}`;
}

function sweepText({ runs, rows }: SweepResult): string {
  const head = [
    'steps',
    'finished tasks',
    'unfinished',
    'sweep',
    'best',
    'page of 500',
    'all pages',
    'first sweep',
    'count old',
    'pruned tasks/s',
  ];
  const body = rows.map((row) => [
    row.steps.toLocaleString('en'),
    row.finished_tasks.toLocaleString('en'),
    row.unfinished_tasks.toLocaleString('en'),
    row.sweep_ms,
    row.sweep_best_ms,
    row.verify_page_ms,
    row.verify_all_ms,
    row.first_ms,
    row.count_prunable_ms,
    row.pruned_tasks_per_second.toLocaleString('en'),
  ]);
  const title = `sweep: looking at all unfinished tasks when nothing is stuck, in ms (medians of ${runs} runs), and retention`;
  return `${title}\n${table(head, body)}`;
}

function handlerText({ runs, calls_per_run, ...times }: HandlerResult): string {
  const title = `handler: one attempt around an empty process, in microseconds (medians of ${runs} runs of ${calls_per_run} calls)`;
  const body = [[times.overhead_us, times.bare_call_us, times.run_step_us, times.run_step_with_timeout_us]];
  return `${title}\n${table(['overhead', 'bare async call', 'runStep', 'runStep with timeout'], body)}`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const made = new Table({
    head: [...head],
    style: { head: [], border: [] },
    colAligns: head.map(() => 'right'),
  });
  made.push(...rows.map((row) => [...row]));
  return made.toString();
}
