// Templates written in TypeScript. What the compiler can know it refuses: a step that depends on one not declared
// before it (so no cycle can be written), a handler whose needs its parents do not give, a context or a configuration
// of the wrong shape. What is built is the same TaskTemplate as YAML gives, checked by the same rules.
import { z } from 'zod';
import { TreadleError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { ConfigInputOf, ContextInputOf, HandlerClass, HandlerTypes, TypesOf } from './handler-types.ts';
import { handlerNameOf } from './handler-types.ts';
import { invalid } from './problems.ts';
import type { StepTemplateInput, TaskTemplate, TaskTemplateInput } from './template.ts';
import { parseTemplate } from './template.ts';

/** A template with the handler classes it names; `__types` exists for the compiler alone. */
export interface TaskDefinition<Context = unknown, Outputs = unknown> {
  readonly template: TaskTemplate;
  readonly handlers: readonly HandlerClass[];
  readonly __types?: { readonly context: Context; readonly outputs: Outputs };
}

/** Everything of a template but its steps. `context` (zod) or `schema` (JSON Schema) says what a task must be given. */
export interface TaskHead<Context extends z.ZodType<object>> extends Omit<
  TaskTemplateInput,
  'step_templates'
> {
  readonly context?: Context;
}

/** A handler of another language or process, by name, with the types it is known to have. */
export interface NamedHandler<Types extends Partial<HandlerTypes> = object> {
  readonly handler_class: string;
  readonly prototype: { readonly __types?: Types };
}

/** Names a handler that is no class of this program, and declares its types: `namedHandler<{ output: Label }>('Ship')`. */
export function namedHandler<Types extends Partial<HandlerTypes>>(name: string): NamedHandler<Types> {
  return { handler_class: name, prototype: {} };
}

type AnyHandler = HandlerClass | NamedHandler | string;

type ConfigOption<Config> = unknown extends Config
  ? { readonly handler_config?: JsonObject }
  : object extends Config
    ? { readonly handler_config?: Config }
    : { readonly handler_config: Config };

/** What a step may say beside its name and handler; `depends_on_steps` takes names of steps declared before. */
export type StepOptions<Parents extends readonly string[], Config> = Omit<
  StepTemplateInput,
  'name' | 'handler_class' | 'handler_config' | 'depends_on_step' | 'depends_on_steps'
> &
  ConfigOption<Config> & { readonly depends_on_steps?: Parents };

declare const misfit: unique symbol;
/** Never satisfied; the compiler prints `Why` when a step does not fit. */
interface Misfit<Why extends string> {
  readonly [misfit]: Why;
}

type NewName<Name extends string, Outputs> = Name extends keyof Outputs
  ? Misfit<`there is a step named ${Name} already`>
  : unknown;

type RequiredKeys<T> = { [Key in keyof T]-?: object extends Pick<T, Key> ? never : Key }[keyof T];

/** Needs that no parent provides. */
type Missing<Needs, Parents> = Exclude<RequiredKeys<Needs>, keyof Parents> & string;

/** Needs that a parent provides in another shape. */
type Unlike<Needs, Parents> = {
  [Key in keyof Needs & keyof Parents]: Parents[Key] extends Needs[Key] ? never : Key;
}[keyof Needs & keyof Parents] &
  string;

type Fits<Handler, Context, Parents> = [Context] extends [ContextInputOf<Handler>]
  ? [Missing<TypesOf<Handler>['needs'], Parents>] extends [never]
    ? [Unlike<TypesOf<Handler>['needs'], Parents>] extends [never]
      ? unknown
      : Misfit<`the output of ${Unlike<TypesOf<Handler>['needs'], Parents>} is not what the handler needs`>
    : Misfit<`the handler needs ${Missing<TypesOf<Handler>['needs'], Parents>} in depends_on_steps`>
  : Misfit<'the context of the task is not what the handler declares'>;

type NeedsNoConfig<Handler> =
  object extends ConfigOption<ConfigInputOf<Handler>>
    ? unknown
    : Misfit<'the handler needs a handler_config'>;

type OutputOf<Handler> = Handler extends string ? unknown : TypesOf<Handler>['output'];

interface BuiltStep {
  readonly template: StepTemplateInput;
  readonly handler: AnyHandler;
}

/** Collects steps; every call answers a new builder, so that a common beginning can be continued in two ways. */
export class TaskBuilder<Context, Outputs extends object> {
  private readonly head: Omit<TaskTemplateInput, 'step_templates'>;
  private readonly steps: readonly BuiltStep[];

  constructor(head: Omit<TaskTemplateInput, 'step_templates'>, steps: readonly BuiltStep[]) {
    this.head = head;
    this.steps = steps;
  }

  /** Adds a step. `handler` is a class or a name; a plain name promises nothing about its output (`namedHandler` does). */
  step<Name extends string, Handler extends AnyHandler>(
    name: Name & NewName<Name, Outputs>,
    handler: Handler & Fits<Handler, Context, object> & NeedsNoConfig<Handler>,
  ): TaskBuilder<Context, Outputs & Readonly<Record<Name, OutputOf<Handler>>>>;
  step<
    Name extends string,
    Handler extends AnyHandler,
    const Parents extends readonly (keyof Outputs & string)[] = readonly [],
  >(
    name: Name & NewName<Name, Outputs>,
    handler: Handler & Fits<Handler, Context, Pick<Outputs, Parents[number]>>,
    options: StepOptions<Parents, ConfigInputOf<Handler>>,
  ): TaskBuilder<Context, Outputs & Readonly<Record<Name, OutputOf<Handler>>>>;
  step(
    name: string,
    handler: AnyHandler,
    options: Partial<StepOptions<readonly string[], unknown>> = {},
  ): TaskBuilder<Context, object> {
    const { depends_on_steps = [], ...rest } = options;
    const template = {
      name,
      handler_class: nameOf(handler),
      ...rest,
      depends_on_steps: [...depends_on_steps],
    };
    return new TaskBuilder(this.head, [...this.steps, { template, handler }]);
  }

  /** Checks the whole and returns it. Throws TreadleError `invalid_template` as `parseTemplate` does. */
  build(): TaskDefinition<Context, Outputs> {
    const { name, namespace_name } = this.head;
    const value = { ...this.head, step_templates: this.steps.map((step) => step.template) };
    const template = parseTemplate(
      value,
      `task ${namespace_name === undefined ? '' : `${namespace_name}/`}${name}`,
    );
    return { template, handlers: distinctHandlers(this.steps) };
  }
}

/**
 * Begins a template. With `context` its JSON Schema is stored in the template; refinements that JSON Schema cannot
 * say are not checked by it, and a type it cannot say at all (a Date) throws TreadleError `invalid_template`.
 */
export function defineTask<Context extends z.ZodType<object> = z.ZodType<JsonObject, JsonObject>>(
  head: TaskHead<Context>,
): TaskBuilder<z.input<Context>, object> {
  const { context, ...rest } = head;
  if (context === undefined) return new TaskBuilder(rest, []);
  if (rest.schema !== undefined) {
    const received = 'both';
    throw invalid('invalid_template', `task ${head.name}`, [
      { at: ['schema'], expected: 'context or schema', received },
    ]);
  }
  return new TaskBuilder({ ...rest, schema: jsonSchemaOf(head.name, context) }, []);
}

/** The schema of what is stored, so of zod's input; draft-07, which the libraries of all languages read. */
function jsonSchemaOf(task: string, context: z.ZodType): JsonObject {
  try {
    const schema = z.toJSONSchema(context, { target: 'draft-07', io: 'input' });
    return JSON.parse(JSON.stringify(schema)) as JsonObject;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `task ${task}: context: expected a zod schema that JSON Schema can say, came: ${reason}`;
    throw new TreadleError('invalid_template', message, { cause });
  }
}

function nameOf(handler: AnyHandler): string {
  if (typeof handler === 'string') return handler;
  return 'handler_class' in handler ? handler.handler_class : handlerNameOf(handler);
}

/** The classes among the handlers, each once. Two classes of one name could not be told apart later. */
function distinctHandlers(steps: readonly BuiltStep[]): HandlerClass[] {
  const byName = new Map<string, HandlerClass>();
  for (const { handler, template } of steps) {
    if (typeof handler !== 'function') continue;
    const other = byName.get(template.handler_class);
    if (other && other !== handler) {
      const message = `step ${template.name}: expected one class per handler name, came a second ${template.handler_class}`;
      throw new TreadleError('invalid_template', message);
    }
    byName.set(template.handler_class, handler);
  }
  return [...byName.values()];
}
