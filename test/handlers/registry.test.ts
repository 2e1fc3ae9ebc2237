import { expect, test } from 'vitest';
import { HandlerRegistry, type StepHandlerClass } from '../../handlers/registry.ts';
import { STEP_HANDLER, StepHandler } from '../../handlers/step-handler.ts';

class Ship extends StepHandler {
  process() {}
}
class Reserve extends StepHandler<{ context: { order_id: number } }> {
  static override readonly handlerName: string = 'reserve_inventory';
  process() {}
}

/** What only JavaScript, or another copy of the package, can hand in. */
const foreign = (value: unknown) => value as StepHandlerClass;

test('classes are known by handlerName, else by their own name', () => {
  expect(new HandlerRegistry([Ship, Reserve]).names()).toEqual(['Ship', 'reserve_inventory']);
});

test('a record gives classes other names, and a class has one instance under all of them', () => {
  let made = 0;
  class Counted extends Ship {
    constructor() {
      super();
      made += 1;
    }
  }
  const registry = new HandlerRegistry({ 'OrderProcess::Ship': Counted, ship: Counted });
  expect(registry.get('ship')).toBeInstanceOf(Counted);
  expect(registry.get('OrderProcess::Ship')).toBe(registry.get('ship'));
  expect(made).toBe(1);
});

test('an unknown name is an error that tells the known ones', () => {
  const registry = new HandlerRegistry([Ship]);
  expect(registry.has('Sip')).toBe(false);
  expect(() => registry.get('Sip')).toThrow(
    expect.objectContaining({ code: 'unknown_handler', message: expect.stringContaining('known: Ship') }),
  );
});

test('the same class again changes nothing', () => {
  expect(new HandlerRegistry([Ship, Ship]).add([Ship]).names()).toEqual(['Ship']);
});

class Overriding extends foreign(Ship) {
  handle() {}
}
class Overridden extends Overriding {}
class OverridingField extends foreign(Ship) {
  handle = () => {};
}
class Unfinished extends foreign(StepHandler) {}
class Failing extends Ship {
  constructor() {
    super();
    throw new Error('needs a database');
  }
}
class Namesake extends Ship {
  static override readonly handlerName = 'Ship';
}

test.each<[string, unknown, RegExp]>([
  ['that overrides handle', [Overriding], /handler Overriding: .*cannot be overridden/],
  ['whose parent overrides handle', [Overridden], /cannot be overridden/],
  ['with a field called handle', [OverridingField], /cannot be overridden/],
  ['without process', [Unfinished], /expected a method process/],
  ['of another kind', [Map], /handler Map: expected a class that extends StepHandler/],
  ['that is none', [undefined], /expected a class/],
  ['that is an instance, in a record', { ship: new Ship() }, /expected a class that extends StepHandler/],
  [
    'without a name',
    [class extends Ship {}].map((c) => Object.defineProperty(c, 'name', { value: '' })),
    /a name/,
  ],
  ['whose constructor throws', [Failing], /constructed without arguments: needs a database/],
  ['whose name another class has', [Ship, Namesake], /expected one class for a name, got Ship and Namesake/],
])('a class %s is refused', (_name, handlers, message) => {
  expect(() => new HandlerRegistry(handlers as StepHandlerClass[])).toThrow(
    expect.objectContaining({ code: 'invalid_argument', message: expect.stringMatching(message) }),
  );
});

test('a class that extends another copy of the foundation is served, and its handle is watched too', () => {
  class OtherFoundation {
    get [STEP_HANDLER](): true {
      return true;
    }
    handle() {}
  }
  class Foreign extends OtherFoundation {
    process() {}
  }
  class ForeignOverriding extends Foreign {
    override handle() {}
  }
  expect(new HandlerRegistry([foreign(Foreign)]).names()).toEqual(['Foreign']);
  expect(() => new HandlerRegistry([foreign(ForeignOverriding)])).toThrow(/cannot be overridden/);
});

test('nothing is added after freeze', () => {
  const registry = new HandlerRegistry([Ship]).freeze();
  expect(() => registry.add([Reserve])).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  expect(registry.names()).toEqual(['Ship']);
});
