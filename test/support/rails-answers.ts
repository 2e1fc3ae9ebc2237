// What the Rails engine was measured to answer (rails-vectors.jsonl), and what our functions answer instead where that is a known defect,
// with the reason why that is better.
import { readFileSync } from 'node:fs';
import type { RailsCase } from './rails-world.ts';

export const cases = readFileSync(new URL('../data/rails-vectors.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as RailsCase);

export type Answers = Record<string, unknown>;
const blocked = {
  execution_status: 'blocked_by_failures',
  recommended_action: 'handle_failures',
  health_status: 'blocked',
};
const running = { execution_status: 'has_ready_steps', recommended_action: 'execute_ready_steps' };

/** What we answer where the Rails answer is wrong: lists are amended by key, objects by field, errors are replaced. */
export const BETTER: Record<string, { readonly because: string; readonly answers: Answers }> = {
  v019: {
    because:
      'a step with 44 attempts waits 30 seconds like one with 5, instead of failing every query of its task',
    answers: {
      readiness: [
        {
          key: 'a',
          current_state: 'error',
          dependencies_satisfied: true,
          retry_eligible: true,
          ready_for_execution: true,
          total_parents: 0,
          completed_parents: 0,
          attempts: 44,
          retry_limit: 100,
          has_last_failure: true,
          next_retry_in: -370,
        },
      ],
      context: {
        status: 'in_progress',
        total_steps: 1,
        pending_steps: 0,
        in_progress_steps: 0,
        completed_steps: 0,
        failed_steps: 1,
        ready_steps: 1,
        ...running,
        completion_percentage: '0.00',
        health_status: 'recovering',
      },
    },
  },
  v020: {
    because: 'the other steps of a task go on beside one with very many attempts',
    answers: {
      readiness: [
        {
          key: 'a',
          current_state: 'error',
          dependencies_satisfied: true,
          retry_eligible: false,
          ready_for_execution: false,
          total_parents: 0,
          completed_parents: 0,
          attempts: 50,
          retry_limit: 3,
          has_last_failure: true,
          next_retry_in: -70,
        },
        {
          key: 'b',
          current_state: 'pending',
          dependencies_satisfied: true,
          retry_eligible: true,
          ready_for_execution: true,
          total_parents: 0,
          completed_parents: 0,
          attempts: 0,
          retry_limit: 3,
          has_last_failure: false,
          next_retry_in: null,
        },
        {
          key: 'c',
          current_state: 'pending',
          dependencies_satisfied: false,
          retry_eligible: true,
          ready_for_execution: false,
          total_parents: 1,
          completed_parents: 0,
          attempts: 0,
          retry_limit: 3,
          has_last_failure: false,
          next_retry_in: null,
        },
      ],
      context: {
        status: 'in_progress',
        total_steps: 3,
        pending_steps: 2,
        in_progress_steps: 0,
        completed_steps: 0,
        failed_steps: 1,
        ready_steps: 1,
        ...running,
        completion_percentage: '0.00',
        health_status: 'recovering',
      },
    },
  },
  v044: {
    because: 'not retryable means no second attempt; the first one runs',
    answers: {
      readiness: [{ key: 'a', ready_for_execution: true }],
      context: { ready_steps: 1, ...running },
    },
  },
  v045: {
    because: 'a failed step that may not be retried has failed for good, so the task is told to handle it',
    answers: { context: blocked },
  },
  v051: {
    because: 'nothing comes after a cancelled parent, so the task does not wait for ever',
    answers: { context: blocked },
  },
  v062: {
    because: 'a cycle behind a root ends the levels instead of the patience: its steps have none',
    answers: { levels: [{ key: 'r', level: 0 }] },
  },
  v067: {
    because: 'all is done but a cancelled step, which will never be: somebody must look at it',
    answers: { context: blocked },
  },
  v068: {
    because: 'a task whose every step is cancelled has nothing to wait for',
    answers: { context: blocked },
  },
  v076: {
    because: 'no transition row means pending, in the counts as everywhere else',
    answers: { health: { pending_tasks: 1, pending_steps: 2 } },
  },
  v085: {
    because: 'the functions return what they declare, so they answer',
    answers: {
      slowest_tasks: [
        {
          task_name: 'task',
          namespace_name: 'default',
          version: '0.1.0',
          duration_seconds: 480,
          step_count: 1,
          completed_steps: 1,
          error_steps: 0,
          initiator: null,
          source_system: null,
          created_ago: 600,
          completed_ago: 120,
        },
      ],
      slowest_steps: [
        {
          step_name: 'a',
          task_name: 'task',
          namespace_name: 'default',
          version: '0.1.0',
          duration_seconds: 480,
          attempts: 1,
          retryable: true,
          step_status: 'complete',
          created_ago: 600,
          completed_ago: 120,
        },
      ],
    },
  },
  v099: {
    because: 'the rest of a chain behind a cancelled step can never run',
    answers: { context: blocked },
  },
  v200: {
    because: 'one of the failed steps may not be retried, so failures have to be handled',
    answers: { context: blocked },
  },
  v201: {
    because:
      'the only failed step may not be retried, so nothing else can run and failures have to be handled',
    answers: { context: blocked },
  },
  v219: {
    because: 'something still runs, but the health already says that a failed step cannot recover',
    answers: { context: { health_status: 'blocked' } },
  },
  v246: {
    because: 'a step that is not retryable and was never attempted is as ready as any other',
    answers: { readiness: [{ key: 's11', ready_for_execution: true }], context: { ready_steps: 2 } },
  },
  v260: {
    because: 'a cancelled leaf keeps the task from completing, and nothing else is left',
    answers: { context: blocked },
  },
  v275: {
    because: 'behind cancelled and exhausted steps nothing can start any more',
    answers: { context: blocked },
  },
  v296: {
    because: 'one of the failed steps may not be retried, so failures have to be handled',
    answers: { context: blocked },
  },
};

const isError = (value: unknown): boolean => typeof value === 'object' && value !== null && 'error' in value;

function amended(rails: unknown, ours: unknown): unknown {
  if (ours === undefined) return rails;
  if (isError(rails)) return ours;
  if (!Array.isArray(rails)) return { ...(rails as Answers), ...(ours as Answers) };
  const byKey = new Map((ours as Answers[]).map((entry) => [entry['key'], entry]));
  return rails.map((entry: Answers) => ({ ...entry, ...byKey.get(entry['key']) }));
}

export function expectedOf({ id, expect: rails }: RailsCase): Answers {
  const ours = BETTER[id]?.answers ?? {};
  return Object.fromEntries(
    Object.entries(rails).map(([question, answer]) => [question, amended(answer, ours[question])]),
  );
}
