// What the compiler says of handler classes. The classes never run: `npm run types` is half of these tests.
import { expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { Outcome } from '../../core/outcome.ts';
import { type ConfigInputOf, handlerNameOf, type TypesOf } from '../../core/template/handler-types.ts';
import { HttpHandler } from '../../handlers/http.ts';
import { HandlerRegistry } from '../../handlers/registry.ts';
import type { StepContext, StepInvocation } from '../../handlers/step-context.ts';
import { StepHandler } from '../../handlers/step-handler.ts';

interface Order {
  context: { order_id: number };
  needs: { validate: { ok: boolean } };
  output: { reserved: number };
}

class Typed extends StepHandler<Order> {
  process({ task, sequence }: StepContext<Order>) {
    const ok: boolean = sequence.result('validate').ok;
    // @ts-expect-error: not a declared parent
    sequence.result('reserve');
    // @ts-expect-error: not in the context
    void task.context.customer;
    return { reserved: ok ? task.context.order_id : 0 };
  }
}
class Overriding extends StepHandler {
  process() {}
  // @ts-expect-error: handle is the lifecycle and cannot be overridden
  async handle() {}
}
// @ts-expect-error: not even by a method of the same shape
class OverridingAlike extends StepHandler {
  process() {}
  override async handle(_invocation: StepInvocation): Promise<Outcome> {
    return { kind: 'complete', results: {} };
  }
}
class OverridingByProperty extends StepHandler {
  process() {}
  // @ts-expect-error: nor by a property
  handle = async () => {};
}
class WrongOutput extends StepHandler<Order> {
  // @ts-expect-error: the output is declared otherwise
  process() {
    return { reserved: 'two' };
  }
}
// @ts-expect-error: process is missing
class Lazy extends StepHandler {}
// @ts-expect-error: a schema is a zod schema
class WrongSchema extends StepHandler {
  static override config = { retries: 'number' };
  process() {}
}

class Undeclared extends StepHandler {
  static override readonly handlerName: string = 'undeclared';
  process({ sequence, config, task }: StepContext) {
    return [sequence.result('any'), config['any'], task.context['any']];
  }
}
class Configured extends StepHandler<{ config: { retries: number } }> {
  static override config = z.object({ retries: z.number().default(1) });
  process() {}
}

test('the builder reads what a class declares, and nothing from a class that declares nothing', () => {
  expectTypeOf<TypesOf<typeof Typed>['output']>().toEqualTypeOf<{ reserved: number }>();
  expectTypeOf<TypesOf<typeof Typed>['needs']>().toEqualTypeOf<{ validate: { ok: boolean } }>();
  expectTypeOf<TypesOf<typeof Undeclared>['output']>().toBeUnknown();
  expectTypeOf<TypesOf<typeof Undeclared>['context']>().toBeUnknown();
});

test('a template may leave out what the schema of the config fills in', () => {
  expectTypeOf<ConfigInputOf<typeof Configured>>().toEqualTypeOf<{ retries?: number | undefined }>();
  expectTypeOf<{ url: string }>().toExtend<ConfigInputOf<typeof HttpHandler>>();
});

test('classes of all declarations go into one registry, under the names the builder uses', () => {
  const classes = [Typed, Undeclared, Configured, HttpHandler];
  const names = [
    handlerNameOf(Typed),
    handlerNameOf(Undeclared),
    handlerNameOf(Configured),
    handlerNameOf(HttpHandler),
  ];
  expect(new HandlerRegistry(classes).names()).toEqual(names.sort());
});

test('the classes that do not compile are refused at start-up too', () => {
  for (const overriding of [Overriding, OverridingAlike, OverridingByProperty]) {
    expect(() => new HandlerRegistry([overriding])).toThrow(/cannot be overridden/);
  }
  expect([WrongOutput, WrongSchema, Lazy]).toHaveLength(3);
});
