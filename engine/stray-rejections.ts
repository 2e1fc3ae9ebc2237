// A promise that a handler left behind and nobody waits for: when it is rejected, Node would end the process, and with it
// every other step. Here it is logged with the step that left it. Rejections of anybody else end the process as before.
import { describeThrown } from '../handlers/failure.ts';
import { originatingAttempt } from '../handlers/step-transaction.ts';

let guards = 0;

/** Guards the process until the answer is called; several engines share one listener. */
export function guardAgainstStrayRejections(): () => void {
  if (guards === 0) process.on('unhandledRejection', onStray);
  guards += 1;
  let guarding = true;
  return () => {
    if (!guarding) return;
    guarding = false;
    guards -= 1;
    if (guards === 0) process.off('unhandledRejection', onStray);
  };
}

function onStray(reason: unknown): void {
  const attempt = originatingAttempt();
  if (attempt) {
    attempt.log.error(
      describeThrown(reason),
      'a promise that the handler left behind was rejected; await it',
    );
  } else if (process.listenerCount('unhandledRejection') === 1) {
    const { error } = describeThrown(reason);
    throw new Error(`a promise was rejected and nobody handled it: ${error}`, { cause: reason }); // as without us
  }
}
