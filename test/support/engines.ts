// Engines for tests: real ones, on the database of the calling file, stopped when the test ends.
import { onTestFinished } from 'vitest';
import type { State } from '../../core/vocabulary.ts';
import type { TaskTemplate } from '../../core/template/template.ts';
import { Engine } from '../../engine/engine.ts';
import type { EngineOptions } from '../../engine/options.ts';
import type { TaskRequest } from '../../engine/task-requests.ts';
import type { StepHandlerClass } from '../../handlers/registry.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import { StepHandler } from '../../handlers/step-handler.ts';

/** What a step does, without the class around it. */
export type Work = (context: StepContext) => unknown;

/** Handlers by the name of their step. */
export type Works = Readonly<Record<string, Work>>;

function handlerOf(work: Work): StepHandlerClass {
  return class extends StepHandler {
    override process(context: StepContext): unknown {
      return work(context);
    }
  };
}

export function handlersOf(works: Works): Record<string, StepHandlerClass> {
  return Object.fromEntries(Object.entries(works).map(([name, work]) => [name, handlerOf(work)]));
}

/** An engine that has not been started. */
export function newEngine(options: Omit<EngineOptions, 'handlers'> & { works: Works }): Engine {
  const { works, ...rest } = options;
  const engine = new Engine({ handlers: handlersOf(works), ...rest });
  onTestFinished(async () => void (await engine.stop({ graceSeconds: 0 })));
  return engine;
}

/** A running engine. */
export async function startEngine(...[options]: Parameters<typeof newEngine>): Promise<Engine> {
  const engine = newEngine(options);
  await engine.start();
  return engine;
}

/** Creates a task of this template and waits until it has ended. */
export async function runToEnd(
  engine: Engine,
  template: TaskTemplate,
  request: Partial<TaskRequest> = {},
): Promise<{ taskId: number; state: State }> {
  const taskId = await create(engine, template, request);
  return { taskId, state: await engine.waitForTask(taskId) };
}

/** Creates a task of this template. */
export async function create(
  engine: Engine,
  template: TaskTemplate,
  request: Partial<TaskRequest> = {},
): Promise<number> {
  const { namespace_name, name } = template;
  return (await engine.createTask({ namespace_name, name, context: { order_id: 1 }, ...request })).task_id;
}

/** Something that a test waits for and a handler makes happen, or the other way round. */
export class Signal {
  readonly happened: Promise<void>;
  readonly happen: () => void;

  constructor() {
    let resolved: () => void = () => {};
    this.happened = new Promise((resolve) => {
      resolved = resolve;
    });
    this.happen = resolved;
  }
}

/** Work that goes on until its signal aborts. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** Between two questions: what is asked for needs the processor too. */
const ASK_AGAIN_MS = 5;

/** Asks again and again until the answer satisfies. */
export async function eventually<Value>(
  ask: () => Promise<Value>,
  satisfied: (value: Value) => boolean,
  withinMs = 45_000,
): Promise<Value> {
  const giveUp = Date.now() + withinMs;
  for (;;) {
    const value = await ask();
    if (satisfied(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    if (Date.now() > giveUp) throw new Error(`still ${JSON.stringify(value)} after ${withinMs / 1000} s`);
  }
}
