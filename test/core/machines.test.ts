import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createActor, transition } from 'xstate';
import { EVENTS, TRANSITION_EVENTS } from '../../core/events.ts';
import { MACHINE_DIAGRAMS, stateDiagram, withMachineDiagrams } from '../../core/machines/diagrams.ts';
import type { Law } from '../../core/machines/law.ts';
import { stepLaw, stepMachine } from '../../core/machines/step.machine.ts';
import { taskLaw, taskMachine } from '../../core/machines/task.machine.ts';
import { STATES, STEP_EVENTS, TASK_EVENTS, type State } from '../../core/vocabulary.ts';

const pairs = <Event extends string>(events: readonly Event[]) =>
  STATES.flatMap((from) => events.map((event) => [from, event] as const));

/** Where the law leads: a move that it does not list leads nowhere. */
const lawful = <Event extends string>(law: Law<Event>, from: State, event: Event) => law[from][event] ?? from;

test.each(pairs(STEP_EVENTS))('the step machine follows the law from %s on %s', (from, event) => {
  const [next] = transition(stepMachine, stepMachine.resolveState({ value: from }), { type: event });
  expect(next.value).toBe(lawful(stepLaw, from, event));
});

test.each(pairs(TASK_EVENTS))('the task machine follows the law from %s on %s', (from, event) => {
  const snapshot = taskMachine.resolveState({ value: from, context: { unfinished_steps: 0 } });
  expect(transition(taskMachine, snapshot, { type: event })[0].value).toBe(lawful(taskLaw, from, event));
});

test.each(pairs(TASK_EVENTS))(
  'unfinished steps forbid completion and nothing else: %s on %s',
  (from, event) => {
    const snapshot = taskMachine.resolveState({ value: from, context: { unfinished_steps: 1 } });
    const expected = event === 'complete' ? from : lawful(taskLaw, from, event);
    expect(transition(taskMachine, snapshot, { type: event })[0].value).toBe(expected);
  },
);

// Sources: the transitions that the Rails engine declares, from -> to.
test('the moves of both laws are exactly those of the Rails engine', () => {
  const moves = (law: Law<string>) =>
    Object.fromEntries(
      STATES.map((from) => [from, STATES.filter((to) => Object.values(law[from]).includes(to))]),
    );
  expect(moves(taskLaw)).toEqual({
    pending: ['in_progress', 'error', 'cancelled'],
    in_progress: ['pending', 'complete', 'error', 'cancelled'],
    error: ['pending', 'resolved_manually'],
    complete: ['cancelled'],
    resolved_manually: ['cancelled'],
    cancelled: [],
  });
  expect(moves(stepLaw)).toEqual({
    pending: ['in_progress', 'error', 'cancelled', 'resolved_manually'],
    in_progress: ['complete', 'error', 'cancelled'],
    error: ['pending', 'resolved_manually'],
    complete: [],
    cancelled: [],
    resolved_manually: [],
  });
});

test('a random walk of a step ends where the law leads', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STEP_EVENTS)), (events) => {
      const actor = createActor(stepMachine).start();
      for (const type of events) actor.send({ type });
      const expected = events.reduce<State>((from, event) => lawful<string>(stepLaw, from, event), 'pending');
      expect(actor.getSnapshot().value).toBe(expected);
    }),
  );
});

test('a random walk of a task ends where the law and the guard lead', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...TASK_EVENTS)), fc.nat({ max: 2 }), (events, unfinished_steps) => {
      const actor = createActor(taskMachine, { input: { unfinished_steps } }).start();
      for (const type of events) actor.send({ type });
      const heard = events.filter((event) => event !== 'complete' || unfinished_steps === 0);
      const expected = heard.reduce<State>((from, event) => lawful<string>(taskLaw, from, event), 'pending');
      expect(actor.getSnapshot().value).toBe(expected);
    }),
  );
});

/** What the Rails engine publishes by from and to. */
const BY_TARGET: Record<string, string> = {
  complete: 'completed',
  error: 'failed',
  cancelled: 'cancelled',
  resolved_manually: 'resolved_manually',
};
const expectedEvent = (machine: 'task' | 'step', from: State, to: State) => {
  if (to === 'in_progress') return machine === 'task' ? 'task.start_requested' : 'step.execution_requested';
  if (to === 'pending') return `${machine}.${from === 'error' ? 'retry_requested' : 'initialize_requested'}`;
  return `${machine}.${BY_TARGET[to]}`;
};

test.each([
  ['task', taskLaw, TRANSITION_EVENTS.task],
  ['step', stepLaw, TRANSITION_EVENTS.step],
] as const)('every lawful move of a %s publishes the event of the Rails table', (machine, law, published) => {
  for (const from of STATES) {
    for (const [event, to] of Object.entries<State>(law[from])) {
      const name = (published as Record<string, string>)[event];
      expect(name).toBe(expectedEvent(machine, from, to));
      expect(EVENTS).toHaveProperty([String(name)]);
    }
  }
});

test('a diagram has one line for every move of its law', () => {
  for (const from of STATES) {
    for (const [event, to] of Object.entries(stepLaw[from])) {
      expect(MACHINE_DIAGRAMS.step.split('\n')).toContain(`  ${from} --> ${to}: ${event}`);
    }
  }
  expect(stateDiagram(stepLaw).match(/: \w/g)).toHaveLength(
    Object.values(stepLaw).flatMap(Object.keys).length,
  );
  expect(MACHINE_DIAGRAMS.task).toContain('in_progress --> complete: complete [all steps satisfied]');
});

const empty =
  '# A\n<!-- machine:step -->\nold\n<!-- /machine:step -->\n<!-- machine:task --><!-- /machine:task -->\nend\n';

test('diagrams are written between their markers, and writing twice changes nothing', () => {
  const once = withMachineDiagrams(empty);
  expect(once).not.toContain('old');
  expect(once).toMatch(
    /^# A\n<!-- machine:step -->\n\n```mermaid\nstateDiagram-v2\n[\s\S]+```\n\n<!-- \/machine:task -->\nend\n$/,
  );
  expect(withMachineDiagrams(once)).toBe(once);
});

test('a missing marker is an error that names it', () => {
  expect(() => withMachineDiagrams(empty.replace('<!-- /machine:task -->', ''))).toThrow(
    '<!-- /machine:task -->',
  );
});
