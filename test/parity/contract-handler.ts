// Acts out the contract in TypeScript: what the files say of an attempt, and nothing else. Its twins are in python/ and ruby/.
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { PermanentError, RetryableError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import { StepHandler } from '../../handlers/step-handler.ts';
import type { StepView } from '../../handlers/step-view.ts';
import type { Deed, Thrown } from './contract-case.ts';
import { valueOf } from './contract-values.ts';

/** What the handlers of subjects noted, by task. */
export const journal = new Map<number, string[]>();

function note({ task, step }: StepContext, word: string): void {
  if (step.name !== 'subject') return;
  const notes = journal.get(task.task_id) ?? [];
  journal.set(task.task_id, [...notes, `${step.attempt} ${word}`]);
}

/** The deed of an attempt, for the hooks that are not given the configuration. */
const deeds = new WeakMap<StepView, Deed>();

function deedOf({ config, step }: StepContext): Deed {
  const all = config['does'] as Deed[];
  const deed = all[Math.min(step.attempt, all.length) - 1];
  if (!deed) throw new Error('the contract says nothing of this attempt');
  return deed;
}

export class ContractHandler extends StepHandler {
  override before(context: StepContext): void {
    const deed = deedOf(context);
    deeds.set(context.step, deed);
    note(context, 'before');
    if (deed.before_throws) throw error(deed.before_throws);
  }

  override async process(context: StepContext): Promise<unknown> {
    const deed = deedOf(context);
    note(context, 'process');
    if (deed.reads_results) void context.step.results;
    if (deed.sets_results !== undefined) context.step.results = valueOf(deed.sets_results);
    if (deed.adds_to_results) addTo(context.step, deed.adds_to_results);
    if (deed.sleeps_seconds !== undefined) await sleepThrough(context, deed.sleeps_seconds);
    if (deed.waits_for_stop) await untilStopped(context);
    if (deed.throws) throw error(deed.throws);
    return deed.shows
      ? shown(context, deed.shows)
      : valueOf(deed.returns === undefined ? { $make: 'nothing' } : deed.returns);
  }

  override processResults(step: StepView, output: unknown, initialResults: Json): void | Promise<void> {
    const deed = deeds.get(step);
    if (deed?.process_results_throws) throw error(deed.process_results_throws);
    if (deed?.process_results_sets === undefined) return super.processResults(step, output, initialResults);
    step.results = valueOf(deed.process_results_sets);
  }

  override after(context: StepContext, outcome: Outcome): void {
    note(context, `after ${outcome.kind}`);
    const thrown = deedOf(context).after_throws;
    if (thrown) throw error(thrown);
  }
}

/** The same with declarations. */
export class CheckedContractHandler extends ContractHandler {
  static override readonly config = z.object({ limit: z.int().default(3), does: z.array(z.unknown()) });
  static override readonly context = z.object({ order_id: z.int() });
  static override readonly needs = z.object({ first: z.object({ total: z.number() }) });
  static override readonly output = z.object({ total: z.number() });
}

function error({ kind, message, error_code, retry_after }: Thrown): Error {
  const words = String(valueOf(message));
  if (kind === 'permanent')
    return new PermanentError(words, error_code === undefined ? {} : { errorCode: error_code });
  if (kind === 'retryable')
    return new RetryableError(words, retry_after === undefined ? {} : { retryAfter: retry_after });
  return new TypeError(words);
}

function addTo(step: StepView, more: Record<string, Json>): void {
  const results: unknown = step.results ?? {};
  step.results = Object.assign(results as object, valueOf(more));
}

/** Whatever its signal says. */
async function sleepThrough(context: StepContext, seconds: number): Promise<void> {
  await pause(seconds * 1000);
  if (context.signal.aborted) note(context, 'late');
}

async function untilStopped(context: StepContext): Promise<never> {
  const { signal } = context;
  if (!signal.aborted) await new Promise((stopped) => signal.addEventListener('abort', stopped));
  note(context, 'stopped');
  throw signal.reason;
}

function shown(context: StepContext, what: NonNullable<Deed['shows']>): unknown {
  const { task, step, sequence, config } = context;
  if (what === 'context') return task.context;
  if (what === 'parents')
    return Object.fromEntries(sequence.names().map((name) => [name, sequence.result(name)]));
  if (what === 'config') return Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'does'));
  if (what === 'limit') return { total: config['limit'] };
  if (what === 'step') return { name: step.name, attempt: step.attempt, retry_limit: step.retry_limit };
  if (what === 'earlier_results') return Object.keys(step.initialResults ?? {}).toSorted();
  if (what === 'a_stranger') return sequence.result('a_stranger');
  const { namespace_name, name, version, initiator, source_system, reason, tags } = task;
  return { namespace_name, name, version, initiator, source_system, reason, tags };
}
