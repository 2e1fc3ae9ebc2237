// The types a handler class declares about itself, carried by a property that never exists at run time (`__types`).
// The builder reads them; `handlers/` provides them. Nothing here has a value, so core stays free of handlers.
import type { z } from 'zod';

/** What a handler says of itself: its configuration, what it answers, and the context and results it reads. */
export interface HandlerTypes {
  config: unknown;
  output: unknown;
  context: unknown;
  /** Results of direct parents by step name, as the handler expects them. */
  needs: object;
}

/** Any concrete class of a step handler, seen from its outside. `handlerName` is what templates call it; else its name. */
export interface HandlerClass<T extends Partial<HandlerTypes> = Partial<HandlerTypes>> {
  new (): { readonly __types?: T };
  readonly name: string;
  readonly handlerName?: string | undefined;
  readonly prototype: { readonly __types?: T };
}

type Declared<Types, Key extends PropertyKey, Otherwise> =
  Types extends Readonly<Record<Key, infer Value>> ? Value : Otherwise;

type DeclaredTypes<Handler> = Handler extends { readonly prototype: { readonly __types?: infer Types } }
  ? NonNullable<Types>
  : object;

/** The four types of a handler class; what it does not declare is `unknown`, and no needs are `{}`. */
export interface TypesOf<Handler> {
  config: Declared<DeclaredTypes<Handler>, 'config', unknown>;
  output: Declared<DeclaredTypes<Handler>, 'output', unknown>;
  context: Declared<DeclaredTypes<Handler>, 'context', unknown>;
  needs: Declared<DeclaredTypes<Handler>, 'needs', object>;
}

/** What a template may write as `handler_config`: the input of the class's own zod schema when it has one. */
export type ConfigInputOf<Handler> = Handler extends { readonly config: infer Schema extends z.ZodType }
  ? z.input<Schema>
  : TypesOf<Handler>['config'];

/** What a task's stored context must look like: the input of the class's own zod schema when it has one. */
export type ContextInputOf<Handler> = Handler extends { readonly context: infer Schema extends z.ZodType }
  ? z.input<Schema>
  : TypesOf<Handler>['context'];

/** The name by which templates, workers and the database know a handler class. */
export function handlerNameOf(handler: HandlerClass): string {
  return handler.handlerName ?? handler.name;
}
