// What is said of single attempts beside their outcomes. None of it may cost a worker its stream: a handler that reports
// nonsense has a wrong bar on a screen, no more.
import type { FailedOutcome } from '../../../core/outcome.ts';
import type { AttemptProgress } from '../../../handlers/step-view.ts';
import { storable } from '../../../handlers/failure.ts';
import type { Progress } from '../../../proto/gen/treadle/v1/worker.ts';

const MAX_PROGRESS_CHARS = 1024;

/** Within the limits that worker.proto states; what lies outside is cut. */
export function progressOf({ fraction, message }: Progress): AttemptProgress {
  const known = fraction !== undefined && !Number.isNaN(fraction);
  return {
    fraction: known ? Math.min(Math.max(0, fraction), 1) : undefined,
    message: storable(message, MAX_PROGRESS_CHARS),
  };
}

/** What a step ends in that no message can carry to its worker. Another attempt would be as large. */
export function inputTooLarge(maxMessageBytes: number): FailedOutcome {
  return {
    kind: 'error',
    code: 'invalid_input',
    permanent: true,
    error:
      `expected context, inputs and results of the parents of at most ${maxMessageBytes} bytes together, got more: ` +
      'keep large data elsewhere and return where it is',
    error_class: 'Treadle::InputTooLarge',
    backtrace: '',
  };
}
