// The two laws as mermaid diagrams, and where in a document they belong. Pure: scripts/machine-diagrams.ts does the I/O.
import { STATES, type State, type TaskEvent } from '../vocabulary.ts';
import type { Law } from './law.ts';
import { stepLaw } from './step.machine.ts';
import { taskLaw } from './task.machine.ts';

/** Conditions that a diagram shows beside an event. */
type Guards<Event extends string> = Readonly<Partial<Record<Event, string>>>;

const TASK_GUARDS: Guards<TaskEvent> = { complete: 'all steps satisfied' };

/** A law as a mermaid state diagram. States and moves come in the order of the vocabulary and of the law. */
export function stateDiagram<Event extends string>(law: Law<Event>, guards?: Guards<Event>): string {
  const moves = STATES.flatMap((from) => movesFrom(law, from, guards));
  const ends = STATES.filter((state) => Object.keys(law[state]).length === 0);
  return [
    'stateDiagram-v2',
    `  [*] --> ${STATES[0]}`,
    ...moves,
    ...ends.map((state) => `  ${state} --> [*]`),
  ].join('\n');
}

function movesFrom<Event extends string>(
  law: Law<Event>,
  from: State,
  guards: Guards<Event> | undefined,
): string[] {
  const moves = Object.entries(law[from]) as [Event, State][];
  return moves.map(([event, to]) => {
    const guard = guards?.[event];
    return `  ${from} --> ${to}: ${event}${guard === undefined ? '' : ` [${guard}]`}`;
  });
}

/** The diagrams by the name of their marker. */
export const MACHINE_DIAGRAMS = {
  step: stateDiagram(stepLaw),
  task: stateDiagram(taskLaw, TASK_GUARDS),
} as const;

/**
 * The document with the diagrams of today between `<!-- machine:NAME -->` and `<!-- /machine:NAME -->`.
 * Throws an Error that names the marker when one is missing.
 */
export function withMachineDiagrams(document: string): string {
  return Object.entries(MACHINE_DIAGRAMS).reduce((text, [name, diagram]) => {
    const [opening, closing] = [`<!-- machine:${name} -->`, `<!-- /machine:${name} -->`];
    const start = text.indexOf(opening);
    const end = text.indexOf(closing, start);
    if (start < 0 || end < 0) throw new Error(`expected ${opening} and, after it, ${closing}`);
    const block = `\n\n\`\`\`mermaid\n${diagram}\n\`\`\`\n\n`;
    return text.slice(0, start + opening.length) + block + text.slice(end);
  }, document);
}
