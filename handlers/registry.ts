// Handler names and the classes that serve them. What is wrong with a class is said when it is added, at start-up,
// and not when its first step runs.
import { TreadleError } from '../core/errors.ts';
import { type AnyStepHandler, STEP_HANDLER } from './step-handler.ts';

/** A concrete class of a step handler, constructed without arguments. */
export interface StepHandlerClass {
  new (): AnyStepHandler;
  readonly name: string;
  readonly handlerName?: string | undefined;
}

/** Classes under their own names, or under the names a record gives them (as `OrderProcess::Ship`). */
export type HandlerSource = readonly StepHandlerClass[] | Readonly<Record<string, StepHandlerClass>>;

/** Which handler serves a name: one instance per class, shared by all attempts. Nothing changes after `freeze`. */
export class HandlerRegistry {
  readonly #classOf = new Map<string, StepHandlerClass>();
  readonly #instanceOf = new Map<StepHandlerClass, AnyStepHandler>();
  #frozen = false;

  /** @throws TreadleError as `add` does. */
  constructor(handlers: HandlerSource = []) {
    this.add(handlers);
  }

  /**
   * Adds classes. The same class under the same name again changes nothing.
   * @throws TreadleError `invalid_argument` for a name that another class has, a class that does not extend
   * StepHandler, has no `process`, overrides `handle` or cannot be constructed, and once the registry is frozen.
   */
  add(handlers: HandlerSource): this {
    for (const [name, handlerClass] of namedClasses(handlers)) this.#addOne(name, handlerClass);
    return this;
  }

  /** Ends the time of adding. */
  freeze(): this {
    this.#frozen = true;
    return this;
  }

  /** @throws TreadleError `unknown_handler` when nobody serves the name. */
  get(name: string): AnyStepHandler {
    const handlerClass = this.#classOf.get(name);
    const instance = handlerClass && this.#instanceOf.get(handlerClass);
    if (instance) return instance;
    const known = this.names().join(', ') || 'none';
    throw new TreadleError(
      'unknown_handler',
      `expected a registered handler, got "${name}"; known: ${known}`,
      {
        details: { name },
      },
    );
  }

  has(name: string): boolean {
    return this.#classOf.has(name);
  }

  /** All names, sorted. */
  names(): string[] {
    return [...this.#classOf.keys()].sort();
  }

  #addOne(name: string, handlerClass: StepHandlerClass): void {
    if (this.#frozen) throw refusal(name, 'handlers are added before the engine starts');
    const present = this.#classOf.get(name);
    if (present === handlerClass) return;
    if (present)
      throw refusal(name, `expected one class for a name, got ${present.name} and ${handlerClass.name}`);
    if (!this.#instanceOf.has(handlerClass))
      this.#instanceOf.set(handlerClass, instanceOf(name, handlerClass));
    this.#classOf.set(name, handlerClass);
  }
}

function namedClasses(handlers: HandlerSource): [string, StepHandlerClass][] {
  if (!isList(handlers)) return Object.entries(handlers);
  return handlers.map((handlerClass) => [ownNameOf(handlerClass), handlerClass]);
}

function isList(handlers: HandlerSource): handlers is readonly StepHandlerClass[] {
  return Array.isArray(handlers);
}

function ownNameOf(handlerClass: StepHandlerClass): string {
  if (typeof handlerClass !== 'function') throw refusal(String(handlerClass), 'expected a class');
  const name = handlerClass.handlerName ?? handlerClass.name;
  if (name === '') throw refusal('(anonymous class)', 'expected a name: give the class a static handlerName');
  return name;
}

/** The one instance of a class that has been found fit. */
function instanceOf(name: string, handlerClass: StepHandlerClass): AnyStepHandler {
  // The brand, and not `instanceof`: the class may extend the foundation of another copy of this package.
  if (typeof handlerClass !== 'function' || !(STEP_HANDLER in Object(handlerClass.prototype))) {
    throw refusal(name, 'expected a class that extends StepHandler');
  }
  const instance = construct(name, handlerClass);
  if (typeof instance.process !== 'function') throw refusal(name, 'expected a method process');
  if (overridesHandle(instance)) {
    throw refusal(name, 'handle is the lifecycle and cannot be overridden; the work goes into process');
  }
  return instance;
}

function construct(name: string, handlerClass: StepHandlerClass): AnyStepHandler {
  try {
    return new handlerClass();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw refusal(name, `it cannot be constructed without arguments: ${message}`, error);
  }
}

/** Whether anything between the instance and the foundation has a `handle` of its own. */
function overridesHandle(instance: AnyStepHandler): boolean {
  let object: object | null = instance;
  while (object !== null && !Object.hasOwn(object, STEP_HANDLER)) {
    if (Object.hasOwn(object, 'handle')) return true;
    object = Object.getPrototypeOf(object);
  }
  return false;
}

function refusal(name: string, why: string, cause?: unknown): TreadleError {
  return new TreadleError('invalid_argument', `handler ${name}: ${why}`, { cause, details: { name } });
}
