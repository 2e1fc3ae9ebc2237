// What can be done to a task in one transaction, by a worker, an operator, a Rails app or a sweep, as data for fast-check.
import fc from 'fast-check';
import { FLEET_ENGINES, type FleetEngine } from '../../../sql/fleet.ts';
import type { OutcomeRow } from '../../../sql/outcomes.ts';

/** One operation as data. `which`, `order` and `nth` choose among what there is when it runs. */
export type Deed =
  | { readonly kind: 'claim'; readonly worker: number; readonly capacity: number; readonly late?: boolean }
  | {
      readonly kind: 'record';
      readonly worker: number;
      readonly event: OutcomeRow['event'];
      readonly delayMs: number | null;
      readonly reversed: boolean;
      /** Most children that are claimed in the same statement. Default 0. */
      readonly takes?: number;
      /** Whether their starts may be written late. Default false. */
      readonly late?: boolean;
    }
  | { readonly kind: 'write starts'; readonly worker: number }
  | { readonly kind: 'start' | 'refresh' | 'cancel' | 'retry tasks'; readonly which: Which }
  | { readonly kind: 'pause' | 'resume'; readonly task: number }
  | { readonly kind: 'worker dies'; readonly worker: number }
  | {
      readonly kind: 'retry' | 'resolve' | 'resolve by force' | 'rails resolves' | 'rails cancels';
      readonly nth: number;
    }
  | { readonly kind: 'heartbeat'; readonly worker: number }
  | { readonly kind: 'complete step'; readonly worker: number; readonly nth: number }
  | { readonly kind: 'prune'; readonly complete: boolean }
  | { readonly kind: 'choose'; readonly engine: FleetEngine }
  | { readonly kind: 'move'; readonly limit: number }
  | { readonly kind: 'settle' | 'take back' | 'sweep' | 'resume all' | 'expire' };

/** Somebody locks one row (as `with_lock` of a Rails app does) and does nothing else: others stop there, half-way. */
export interface Hold {
  readonly kind: 'hold';
  readonly table: keyof typeof HELD_BY;
  readonly nth: number;
}

/** What can be held, and the order of its rows. Claims skip locked offers, so that holding one is no stop but a detour. */
export const HELD_BY = {
  'public.tasker_tasks': 'task_id',
  'public.tasker_workflow_steps': 'workflow_step_id',
  'public.tasker_workflow_step_transitions': 'id',
  'public.tasker_task_transitions': 'id',
  'treadle.gates': 'workflow_step_id',
  'treadle.ready_steps': 'workflow_step_id',
  'treadle.claims': 'workflow_step_id',
  'treadle.wakeups': 'task_id',
  'treadle.deadlines': 'task_id',
};

export type Which = 'first' | 'second' | 'both' | 'reversed';

const worker = fc.constantFrom(0, 1);
const which = fc.constantFrom<Which>('first', 'second', 'both', 'reversed');
const nth = fc.nat({ max: 20 });
const kind = <Kind extends string>(...kinds: Kind[]): fc.Arbitrary<Kind> => fc.constantFrom(...kinds);

export const anyDeed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: kind('claim'),
      worker,
      capacity: fc.integer({ min: 1, max: 6 }),
      late: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: kind('record'),
      worker,
      event: fc.constantFrom<OutcomeRow['event']>('complete', 'complete', 'complete', 'fail', 'release'),
      delayMs: fc.constantFrom(0, 60_000, null),
      reversed: fc.boolean(),
      takes: fc.constantFrom(0, 1, 6),
      late: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: kind('write starts'), worker }) },
  { weight: 5, arbitrary: fc.record({ kind: kind('start', 'refresh', 'cancel', 'retry tasks'), which }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('pause', 'resume'), task: worker }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('worker dies', 'heartbeat'), worker }) },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: kind('retry', 'resolve', 'resolve by force', 'rails resolves', 'rails cancels'),
      nth,
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: kind('settle', 'take back', 'sweep', 'resume all', 'expire') }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('complete step'), worker, nth }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('prune'), complete: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('choose'), engine: fc.constantFrom(...FLEET_ENGINES) }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('move'), limit: fc.integer({ min: 1, max: 2 }) }) },
);

export const anyHold: fc.Arbitrary<Hold> = fc.record({
  kind: kind('hold'),
  table: fc.oneof(
    fc.constant<Hold['table']>('public.tasker_tasks'), // half of them
    fc.constantFrom(...(Object.keys(HELD_BY) as Hold['table'][])),
  ),
  nth,
});
