// An engine at work while others look: so many tasks under way all the time, whose steps take a second each, with slots left free
// (what waits for a slot waits for no news). It also runs the tasks that an application makes and operates: `checkout`.
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { PermanentError } from '../../core/errors.ts';
import { parseTemplate, type TaskTemplate } from '../../core/template/template.ts';
import { Engine } from '../../engine/engine.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import { StepHandler } from '../../handlers/step-handler.ts';
import type { Database } from '../../sql/database.ts';

const AT_ONCE = 50;

class SecondHandler extends StepHandler {
  override async process(): Promise<{ ok: boolean }> {
    await pause(500 + 1000 * Math.random());
    return { ok: true };
  }
}

class QuickHandler extends StepHandler {
  override async process(): Promise<{ ok: boolean }> {
    return { ok: true };
  }
}

/** Does what the context of the task says. */
class ChargeHandler extends StepHandler {
  override async process({ task, signal }: StepContext): Promise<{ ok: boolean }> {
    if (task.context['charge'] === 'fail') throw new PermanentError('the card is stolen');
    if (task.context['charge'] === 'hold' && !signal.aborted) await once(signal, 'abort');
    return { ok: true };
  }
}

function chain(
  namespace_name: string,
  name: string,
  handlers: Readonly<Record<string, string>>,
): TaskTemplate {
  const steps = Object.entries(handlers);
  return parseTemplate({
    namespace_name,
    name,
    version: '1.0.0',
    step_templates: steps.map(([step, handler_class], place) => ({
      name: step,
      handler_class,
      depends_on_steps: steps.slice(Math.max(place - 1, 0), place).map(([parent]) => parent),
    })),
  });
}

const LOAD = chain('load', 'seconds', { one: 'SecondHandler', two: 'SecondHandler', three: 'SecondHandler' });
const CHECKOUT = chain('heard', 'checkout', {
  validate: 'QuickHandler',
  charge: 'ChargeHandler',
  ship: 'QuickHandler',
});

/** How busy it was: tasks that ended meanwhile, and in how many seconds. */
export interface Worked {
  readonly tasks: number;
  readonly seconds: number;
}

/** Runs `other` while so many tasks are under way (0: while the engine has nothing to do). */
export async function besideLoad<Result>(
  database: Database,
  tasks: number,
  other: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly worked: Worked }> {
  const engine = new Engine({
    database,
    handlers: { SecondHandler, QuickHandler, ChargeHandler },
    templates: [LOAD, CHECKOUT],
    concurrency: 2 * tasks + AT_ONCE,
    log: pino({ level: 'silent' }),
  });
  await engine.start();
  const load = new Load(engine, tasks);
  try {
    await load.start();
    const startedAt = performance.now();
    const before = load.ended;
    const result = await other();
    return {
      result,
      worked: { tasks: load.ended - before, seconds: (performance.now() - startedAt) / 1000 },
    };
  } finally {
    await load.stop();
    await engine.stop({ graceSeconds: 0 });
  }
}

/** Keeps its tasks under way: for those that end there are new ones. */
class Load {
  ended = 0;
  readonly #engine: Engine;
  readonly #tasks: number;
  readonly #own = new Set<number>();
  readonly #off: () => void;
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(engine: Engine, tasks: number) {
    this.#engine = engine;
    this.#tasks = tasks;
    this.#off = engine.on('task.completed', ({ task_id }) => {
      if (this.#own.delete(task_id)) this.ended += 1;
    });
  }

  /** Resolves when so many are under way. */
  async start(): Promise<void> {
    while (this.#own.size < this.#tasks) await this.#create(); // oxlint-disable-line no-await-in-loop
    this.#running = this.#refill();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    this.#off();
  }

  /** As they come in life: a few at a time. */
  async #refill(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop
      if (this.#own.size < this.#tasks) await this.#create();
      // oxlint-disable-next-line no-await-in-loop
      else await pause(10, undefined, { signal }).catch(() => {});
    }
  }

  async #create(): Promise<void> {
    const count = Math.min(AT_ONCE, this.#tasks - this.#own.size);
    const { namespace_name, name } = LOAD;
    const request = { namespace_name, name, context: { kind: 'load' } };
    const created = await this.#engine.createTasks(Array.from({ length: count }, () => request));
    for (const { task_id } of created) this.#own.add(task_id);
  }
}
