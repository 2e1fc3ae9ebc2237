// Tells in the log of `treadle dev` how tasks end: each of them, or how many did when there are too many to read. Failures of
// steps are logged by the engine itself.
import type { Logger } from 'pino';
import type { Engine } from '../engine/engine.ts';

const EVERY_MS = 500;
/** More ends than this within the interval become one line. */
const MOST_LINES = 5;

/** Begins to tell; the returned function ends it with what is left to tell. */
export function narrate(engine: Engine, log: Logger): () => void {
  let completed: number[] = [];
  const tell = (): void => {
    if (completed.length > MOST_LINES) log.info(`${completed.length} tasks complete`);
    else for (const task_id of completed) log.info({ task_id }, 'task complete');
    completed = [];
  };
  const timer = setInterval(tell, EVERY_MS);
  const offs = [
    engine.on('task.completed', ({ task_id }) => void completed.push(task_id)),
    engine.on('task.failed', ({ task_id }) => {
      log.error({ task_id }, `task failed ("treadle status ${task_id}" says why)`);
    }),
    engine.on('workflow.task_reenqueue_delayed', ({ task_id, delay_seconds }) => {
      log.debug({ task_id, delay_seconds }, 'task waits');
    }),
  ];
  return () => {
    clearInterval(timer);
    for (const off of offs) off();
    tell();
  };
}
