// `npm run demo`: reads the arguments, tells the story, and ends what it began, in order, also on Ctrl-C.
// Exit status: 0 all is well, 1 something failed, 2 bad arguments, 130 Ctrl-C.
import { ArgumentError, readOptions, USAGE } from './options.ts';

/** npm passes on a Ctrl-C that the terminal has sent already: what comes so soon is the same one. */
const SAME_CTRL_C_MS = 300;

process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<number> {
  const ends: (() => Promise<void>)[] = [];
  const signal = interruption();
  try {
    const options = readOptions(args);
    if (!options) {
      console.log(USAGE);
      return 0;
    }
    const { tellStory } = await import('./story.ts'); // half a second that wrong arguments need not wait for
    return (await tellStory(options, { signal, atEnd: (end) => ends.push(end) })) ? 0 : 1;
  } catch (error) {
    if (signal.aborted) {
      console.log('Stopping: steps under way may end. Ctrl-C again to leave at once.');
      return 130;
    }
    console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
    if (process.env['DEBUG']) console.error(error);
    return error instanceof ArgumentError ? 2 : 1;
  } finally {
    for (const end of ends.toReversed()) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point; one that fails does not stop the rest
      await end().catch((error: unknown) => console.error(`demo: ${String(error)}`));
    }
  }
}

/** Aborts on the first Ctrl-C; the second one ends the program where it is. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const interrupt = (): void => {
    if (controller.signal.aborted && Date.now() - first > SAME_CTRL_C_MS) process.exit(130);
    if (controller.signal.aborted) return;
    first = Date.now();
    controller.abort(new Error('interrupted'));
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return controller.signal;
}
