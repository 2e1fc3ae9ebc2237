// A worker that is connected to an engine in this process: what a binding is to the engine, with a test in the place of the
// wire.
import type { Outcome } from '../../core/outcome.ts';
import type {
  Assignment,
  ConnectedWorker,
  StopCause,
  WorkerAnswer,
  WorkerLink,
} from '../../engine/connected-worker.ts';
import type { Engine } from '../../engine/engine.ts';
import { eventually } from './engines.ts';

export const DONE: WorkerAnswer = {
  kind: 'outcome',
  outcome: { kind: 'complete', results: { by: 'worker' } },
};

export interface TestWorker {
  readonly worker: ConnectedWorker;
  readonly assigned: Assignment[];
  readonly cancelled: [name: string, cause: StopCause][];
  readonly dismissed: string[];
  /** The first assignment of this step. */
  assignment(name: string): Promise<Assignment>;
  /** Answers the step, once it was assigned. */
  answer(name: string, answer?: WorkerAnswer): Promise<boolean>;
}

export interface TestWorkerOptions {
  readonly handlers: readonly string[];
  readonly credits?: number;
  readonly name?: string;
  readonly runtime?: WorkerLink['runtime'];
  /** Answers every step as it comes, and grants a credit for it. */
  readonly answers?: (assignment: Assignment) => Outcome;
}

export function connectWorker(
  engine: Engine,
  { handlers, credits = 1, name = 'w', runtime = 'worker', answers }: TestWorkerOptions,
): TestWorker {
  const [assigned, dismissed] = [[] as Assignment[], [] as string[]];
  const cancelled: [string, StopCause][] = [];
  const nameOf = (token: string) =>
    assigned.find(({ step }) => step.claim_token === token)?.step.step_name ?? '';
  const answerAll = (assignments: readonly Assignment[]): void => {
    for (const assignment of assignments) {
      if (!answers) continue;
      worker.answer(assignment.step.claim_token, { kind: 'outcome', outcome: answers(assignment) });
      worker.grant(1);
    }
  };
  const worker: ConnectedWorker = engine.connect({
    name,
    language: 'test',
    runtime,
    handlers,
    assign: (assignments) => {
      assigned.push(...assignments);
      answerAll(assignments);
    },
    cancel: (token, cause) => void cancelled.push([nameOf(token), cause]),
    drain: (reason) => void dismissed.push(reason),
  });
  worker.grant(credits);
  const assignment = async (step: string): Promise<Assignment> => {
    const found = () => assigned.find(({ step: { step_name } }) => step_name === step);
    const one = await eventually(
      async () => found(),
      (value) => value !== undefined,
    );
    if (!one) throw new Error(`${step} was not assigned`);
    return one;
  };
  return {
    worker,
    assigned,
    cancelled,
    dismissed,
    assignment,
    answer: async (step, answer = DONE) => worker.answer((await assignment(step)).step.claim_token, answer),
  };
}
