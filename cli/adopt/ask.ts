// A question with yes or no, to whoever sits at the terminal.
import { createInterface } from 'node:readline/promises';
import { TreadleError } from '../../core/errors.ts';
import type { Terminal } from '../terminal.ts';

/** @throws TreadleError `invalid_argument` where nobody can be asked. */
export async function confirm(terminal: Terminal, question: string): Promise<boolean> {
  if (terminal.json || !process.stdin.isTTY || terminal.err.isTTY !== true) {
    throw new TreadleError(
      'invalid_argument',
      'nothing was changed: expected --yes, for nobody can be asked here (or --check, to look only)',
    );
  }
  const lines = createInterface({ input: process.stdin, output: terminal.err });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
