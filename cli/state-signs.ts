// One sign and one colour per state, so that every command shows a state alike.
import type { State } from '../core/vocabulary.ts';
import type { Verdict } from '../sql/reports.ts';
import type { Colors } from './terminal.ts';

type Paint = (colors: Colors, text: string) => string;

const PAINT: Readonly<Record<State, Paint>> = {
  pending: ({ gray }, text) => gray(text),
  in_progress: ({ cyan }, text) => cyan(text),
  complete: ({ green }, text) => green(text),
  error: ({ red }, text) => red(text),
  cancelled: ({ magenta }, text) => magenta(text),
  resolved_manually: ({ green }, text) => green(text),
};

const SIGN: Readonly<Record<State, string>> = {
  pending: '○',
  in_progress: '●',
  complete: '✔',
  error: '✖',
  cancelled: '⊘',
  resolved_manually: '✔',
};

/** The sign of a step: a failed one that will be tried again differs from one that will not. */
export function stepSign(colors: Colors, state: State, verdict: Verdict): string {
  if (state === 'error' && verdict !== 'failed') return colors.yellow('↻');
  return PAINT[state](colors, SIGN[state]);
}

export function stateText(colors: Colors, state: State): string {
  return PAINT[state](colors, `${SIGN[state]} ${state}`);
}
