// One attempt of a step as a test asks for it, with everything it says (log lines, events) kept for reading.
import { pino } from 'pino';
import type { EventName } from '../../core/events.ts';
import type { StepInvocation } from '../../handlers/step-context.ts';
import type { StepRow } from '../../handlers/step-view.ts';

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [key: string]: unknown;
}

type Overrides = Partial<Omit<StepInvocation, 'step' | 'task'>> & {
  readonly step?: Partial<StepRow>;
  readonly task?: Partial<StepInvocation['task']>;
};

/** The invocation, the lines its log wrote and the events it published. */
export function stepInvocation(overrides: Overrides = {}) {
  const lines: LogLine[] = [];
  const events: { event: EventName; payload: object }[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as LogLine);
  const invocation: StepInvocation = {
    parent_results: {},
    handler_config: {},
    log: pino({ level: 'debug' }, { write }),
    emit: (event, payload) => void events.push({ event, payload }),
    ...overrides,
    task: {
      task_id: 7,
      namespace_name: 'default',
      name: 'fulfil_order',
      version: '1.0.0',
      context: { order_id: 12 },
      initiator: 'test',
      source_system: null,
      reason: null,
      tags: [],
      requested_at: new Date(0),
      ...overrides.task,
    },
    step: {
      workflow_step_id: 70,
      name: 'reserve',
      attempt: 1,
      retry_limit: 3,
      inputs: null,
      results: null,
      ...overrides.step,
    },
  };
  return { invocation, lines, events };
}

/** A promise and the two ways to settle it. */
export function deferred<Value>() {
  let resolve!: (value: Value) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<Value>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { promise, resolve, reject };
}

/** After it, everything that was already settled has run its continuations. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
