// Ctrl-C and SIGTERM as something a command can wait for. The first asks to stop, the second to hurry, the third ends the
// process at once.
import { INTERRUPTED } from './report-error.ts';

export interface Interrupt {
  /** Aborts at the first signal; its reason is the name of the signal. */
  readonly signal: AbortSignal;
  /** Aborts at the second one. */
  readonly hurry: AbortSignal;
  /** Resolves with the name of the first signal. */
  readonly received: Promise<NodeJS.Signals>;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** From here on the process no longer ends by itself on these signals. */
export function onInterrupt(): Interrupt {
  const [stop, hurry] = [new AbortController(), new AbortController()];
  const received = new Promise<NodeJS.Signals>((resolve) => {
    for (const name of SIGNALS) {
      process.on(name, () => {
        if (hurry.signal.aborted) process.exit(INTERRUPTED);
        if (stop.signal.aborted) hurry.abort(name);
        stop.abort(name);
        resolve(name);
      });
    }
  });
  return { signal: stop.signal, hurry: hurry.signal, received };
}

/** 130 after Ctrl-C; a service that was told to end by SIGTERM has done what it should. */
export function statusAfter(name: NodeJS.Signals): number {
  return name === 'SIGINT' ? INTERRUPTED : 0;
}
