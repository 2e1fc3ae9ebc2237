// What there is to do: templates of several shapes, and for every task a plan of how each of its steps behaves. All of it
// follows from the seed; the plan travels in the context of the task, so that handlers need to know nothing.
import { parseTemplate, type TaskTemplate } from '../../../core/template/template.ts';
import { Random } from './random.ts';

export const NAMESPACE = 'chaos';
export const TIMEOUT_SECONDS = 2;

/** `deaf` ignores its signal past the timeout, once; `table` writes a row in the transaction that completes the step. */
export type Behaviour = 'quick' | 'slow' | 'flaky' | 'deaf' | 'table' | 'fatal' | 'hopeless';

export interface StepPlan {
  readonly behaviour: Behaviour;
  /** How long the work takes. */
  readonly ms: number;
  /** So many attempts fail before one succeeds. */
  readonly fails: number;
}

export type TaskPlan = Readonly<Record<string, StepPlan>>;

/** The context of a task: its number in the run, and what its steps do. */
export interface ChaosContext {
  readonly n: number;
  readonly plan: TaskPlan;
}

export interface ChaosRequest {
  readonly namespace_name: string;
  readonly name: string;
  readonly identity_key: string;
  readonly context: ChaosContext;
  readonly deadline_seconds?: number;
}

type Shape = Readonly<Record<string, readonly string[]>>;

const SHAPES: Readonly<Record<string, Shape>> = {
  linear: { a: [], b: ['a'], c: ['b'], d: ['c'] },
  diamond: { top: [], left: ['top'], right: ['top'], bottom: ['left', 'right'] },
  fan: {
    split: [],
    ...Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`part_${index}`, ['split']])),
    join: Array.from({ length: 6 }, (_, index) => `part_${index}`),
  },
};

function randomShape(random: Random): Shape {
  const names = Array.from({ length: random.whole(4, 8) }, (_, index) => `s${index}`);
  return Object.fromEntries(
    names.map((name, index) => [name, names.slice(0, index).filter(() => random.chance(0.35))]),
  );
}

export function templatesOf(seed: number): TaskTemplate[] {
  const random = new Random(seed);
  const shapes = {
    ...SHAPES,
    dag_1: randomShape(random),
    dag_2: randomShape(random),
    dag_3: randomShape(random),
  };
  return Object.entries(shapes).map(([name, shape]) => templateOf(name, shape));
}

function templateOf(name: string, shape: Shape): TaskTemplate {
  const backoff = { base_seconds: 0.05, factor: 1.5, max_seconds: 1, jitter: 0.1 };
  return parseTemplate({
    namespace_name: NAMESPACE,
    name,
    step_templates: Object.entries(shape).map(([step, parents]) => ({
      name: step,
      handler_class: 'Chaos',
      depends_on_steps: [...parents],
      default_retry_limit: 6,
      timeout_seconds: TIMEOUT_SECONDS,
      backoff,
    })),
  });
}

/** The tasks of a run. Asking for more of them does not change the first ones. */
export function requestsOf(seed: number, count: number): ChaosRequest[] {
  const random = new Random(seed + 1);
  const templates = templatesOf(seed);
  return Array.from({ length: count }, (_, n) => {
    const template = random.pick(templates);
    const steps = template.step_templates.map((step) => step.name);
    const doomed = random.chance(0.1) ? random.pick(steps) : undefined;
    const plan = Object.fromEntries(steps.map((step) => [step, planOf(random, step === doomed)]));
    return {
      namespace_name: NAMESPACE,
      name: template.name,
      identity_key: `chaos ${seed}/${n}`,
      context: { n, plan },
      ...(random.chance(0.05) ? { deadline_seconds: random.whole(1, 3) } : {}),
    };
  });
}

function planOf(random: Random, doomed: boolean): StepPlan {
  const behaviour = doomed
    ? random.weighted({ fatal: 2, hopeless: 1 })
    : random.weighted({ quick: 8, slow: 6, flaky: 4, deaf: 0.4, table: 4 });
  const ms = behaviour === 'slow' ? random.whole(50, 900) : random.whole(0, 40);
  return { behaviour, ms, fails: behaviour === 'flaky' ? random.whole(1, 2) : 0 };
}
