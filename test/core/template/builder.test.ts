// The builder at run time, and what the compiler refuses: every `@ts-expect-error` is an assertion that `tsc` checks.
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { defineTask, namedHandler } from '../../../core/template/builder.ts';
import type { TaskDefinition } from '../../../core/template/builder.ts';
import type { HandlerClass } from '../../../core/template/handler-types.ts';
import { parseTemplate } from '../../../core/template/template.ts';
import { StepHandler } from '../../../handlers/step-handler.ts';
import { errorOf } from './templates.ts';

interface Reservation {
  reservation_id: string;
}
interface Label {
  tracking: string;
}
const Order = z.object({ order_id: z.string(), total: z.number(), currency: z.string().default('EUR') });
const head = { namespace_name: 'shop', name: 'order', version: '1.0.0', context: Order };

class Reserve extends StepHandler<{ output: Reservation; context: { order_id: string } }> {
  static override readonly handlerName = 'reserve_inventory';
  process(): Reservation {
    return { reservation_id: 'r1' };
  }
}

class Ship extends StepHandler<{ output: Label; needs: { reserve: Reservation } }> {
  process(): Label {
    return { tracking: 't1' };
  }
}

class Notify extends StepHandler<{ config: { template: string; copy_to?: string } }> {
  process(): object {
    return {};
  }
}

class Charge extends StepHandler<{ config: { url: string; tries: number } }> {
  static override readonly config = z.object({ url: z.string(), tries: z.number().default(1) });
  process(): object {
    return {};
  }
}

class Convert extends StepHandler<{ context: { currency: string } }> {
  process(): object {
    return {};
  }
}

class ConvertChecked extends StepHandler<{ context: z.infer<typeof Order> }> {
  static override readonly context = Order;
  process(): object {
    return {};
  }
}

class MaybeGift extends StepHandler<{ needs: { wrap?: Label } }> {
  process(): object {
    return {};
  }
}

abstract class Unfinished extends StepHandler {}

describe('a task built in TypeScript', () => {
  test('is the template that YAML would give, with the handler classes it names', () => {
    const task = defineTask(head)
      .step('reserve', Reserve)
      .step('ship', Ship, { depends_on_steps: ['reserve'], default_retry_limit: 5, timeout_seconds: 2 })
      .step('notify', Notify, { depends_on_steps: ['ship'], handler_config: { template: 'sent' } })
      .build();
    expect(task.handlers).toEqual([Reserve, Ship, Notify]);
    expect(task.template).toEqual(
      parseTemplate({
        namespace_name: 'shop',
        name: 'order',
        version: '1.0.0',
        schema: task.template.schema,
        step_templates: [
          { name: 'reserve', handler_class: 'reserve_inventory' },
          {
            name: 'ship',
            handler_class: 'Ship',
            depends_on_step: 'reserve',
            default_retry_limit: 5,
            timeout_seconds: 2,
          },
          {
            name: 'notify',
            handler_class: 'Notify',
            depends_on_step: 'ship',
            handler_config: { template: 'sent' },
          },
        ],
      }),
    );
  });

  test('stores the JSON Schema of what goes into the zod context', () => {
    const { schema } = defineTask(head).step('reserve', Reserve).build().template;
    expect(schema).toMatchObject({ type: 'object', required: ['order_id', 'total'] });
  });

  test('names each class once and a handler of another language by its name', () => {
    const task = defineTask({ name: 'order' })
      .step('one', Charge, { handler_config: { url: 'http://a' } })
      .step('two', Charge, { handler_config: { url: 'http://b', tries: 2 } })
      .step('three', 'python.Score')
      .build();
    expect(task.handlers).toEqual([Charge]);
    expect(task.template.step_templates[2]?.handler_class).toBe('python.Score');
  });

  test('a common beginning can be continued in two ways', () => {
    const beginning = defineTask(head).step('reserve', Reserve);
    const long = beginning.step('ship', Ship, { depends_on_steps: ['reserve'] }).build();
    expect(beginning.build().template.step_templates).toHaveLength(1);
    expect(long.template.step_templates).toHaveLength(2);
  });

  test('carries its context and outputs as types', () => {
    const task = defineTask(head).step('reserve', Reserve).build();
    type Types = NonNullable<(typeof task)['__types']>;
    expectTypeOf<Types['context']>().toEqualTypeOf<{
      order_id: string;
      total: number;
      currency?: string | undefined;
    }>();
    expectTypeOf<Types['outputs']['reserve']>().toEqualTypeOf<Reservation>();
    expectTypeOf(task).toExtend<TaskDefinition>();
  });

  test('every handler class of the foundation fits', () => {
    expectTypeOf(Reserve).toExtend<HandlerClass>();
    expectTypeOf(Charge).toExtend<HandlerClass>();
  });
});

describe('refused when built', () => {
  test('two classes of one name', () => {
    const Other = class extends StepHandler {
      static override readonly handlerName = 'reserve_inventory';
      process(): object {
        return {};
      }
    };
    const builder = defineTask(head).step('reserve', Reserve).step('other', Other);
    expect(errorOf(() => builder.build()).message).toContain('one class per handler name');
  });

  test('a context that JSON Schema cannot say', () => {
    const error = errorOf(() => defineTask({ name: 'order', context: z.object({ at: z.date() }) }));
    expect(error.message).toContain('task order: context: expected a zod schema that JSON Schema can say');
  });

  test('a context and a schema', () => {
    expect(errorOf(() => defineTask({ ...head, schema: {} })).message).toContain(
      'context or schema, came both',
    );
  });

  test('what every template is refused for', () => {
    const builder = defineTask({ ...head, version: '1' }).step('reserve', Reserve);
    expect(errorOf(() => builder.build()).message).toMatch(/^task shop\/order: version: expected a version/);
  });

  test('a name that is declared already, also past the compiler', () => {
    // @ts-expect-error there is a step named reserve already
    const builder = defineTask(head).step('reserve', Reserve).step('reserve', Reserve);
    expect(errorOf(() => builder.build()).message).toContain('a name of its own');
  });
});

describe('refused by the compiler', () => {
  const task = defineTask(head).step('reserve', Reserve);

  test('a dependency that is not declared before', () => {
    // @ts-expect-error no step is called resreve
    task.step('ship', Ship, { depends_on_steps: ['resreve'] });
    // @ts-expect-error a step cannot depend on itself, so no cycle can be written
    task.step('other', 'python.Other', { depends_on_steps: ['other'] });
    expect.assertions(0);
  });

  test('a need that no parent gives, or gives in another shape', () => {
    // @ts-expect-error the handler needs reserve in depends_on_steps
    task.step('ship', Ship);
    // @ts-expect-error the handler needs reserve in depends_on_steps
    task.step('ship', Ship, { default_retry_limit: 1 });
    const untyped = defineTask(head).step('reserve', 'python.Reserve');
    // @ts-expect-error the output of reserve is not what the handler needs
    untyped.step('ship', Ship, { depends_on_steps: ['reserve'] });
    expect.assertions(0);
  });

  test('but not a need that a named handler gives, nor an optional one', () => {
    const python = namedHandler<{ output: Reservation }>('python.Reserve');
    const built = defineTask(head)
      .step('reserve', python)
      .step('ship', Ship, { depends_on_steps: ['reserve'] })
      .step('gift', MaybeGift)
      .build();
    expect(built.template.step_templates[0]?.handler_class).toBe('python.Reserve');
  });

  test('an optional need in another shape', () => {
    const wrapped = task.step('wrap', Reserve);
    // @ts-expect-error the output of wrap is not what the handler needs
    wrapped.step('gift', MaybeGift, { depends_on_steps: ['wrap'] });
    expect.assertions(0);
  });

  test('a context that the task does not have, as it is stored: without the defaults of zod', () => {
    // @ts-expect-error currency is optional in what is stored
    task.step('convert', Convert);
    // @ts-expect-error the task declares no context
    defineTask({ name: 'order' }).step('reserve', Reserve);
    task.step('convert', ConvertChecked); // its own schema fills the default
    expect.assertions(0);
  });

  test('a configuration that is missing, wrong or unknown', () => {
    // @ts-expect-error the handler needs a handler_config
    task.step('notify', Notify);
    // @ts-expect-error handler_config is required
    task.step('notify', Notify, { skippable: true });
    // @ts-expect-error template is text
    task.step('notify', Notify, { handler_config: { template: 7 } });
    // @ts-expect-error subject is no key of the configuration
    task.step('notify', Notify, { handler_config: { template: 'x', subject: 'y' } });
    // @ts-expect-error url is required by the zod schema
    task.step('charge', Charge, { handler_config: { tries: 2 } });
    expect.assertions(0);
  });

  test('an unknown option, an abstract class, something that is no handler', () => {
    // @ts-expect-error retries is no option
    task.step('other', 'python.Other', { retries: 3 });
    // @ts-expect-error an abstract class cannot be run
    task.step('other', Unfinished);
    // @ts-expect-error a class that is no step handler
    task.step('other', Map);
    expect.assertions(0);
  });
});
