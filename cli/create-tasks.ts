// Creates the tasks of an input in chunks, each of them one transaction. Tasks and their wake-ups are written together, and
// a live engine takes the wake-ups into whatever queue it has: this process needs none.
import { TreadleError } from '../core/errors.ts';
import type { QueueAdapter } from '../engine/queue/adapter.ts';
import { TaskCreator, type TaskRequest } from '../engine/task-requests.ts';
import type { Templates } from '../engine/templates.ts';
import type { Database } from '../sql/database.ts';
import type { Progress } from './progress.ts';

const CHUNK = 500;

/** Leaves the wake-ups where `create_tasks` has written them, in treadle.wakeups. */
const outbox: QueueAdapter = {
  name: 'outbox',
  durable: true,
  install: async () => {},
  enqueue: async () => {},
  start: async () => {},
  stop: async () => {},
  health: async () => ({ ok: true, message: 'wake-ups wait for a live engine' }),
};

export function taskCreator(database: Database, templates: Templates): TaskCreator {
  return new TaskCreator({ database, templates, queue: outbox, onWakeups: () => {} });
}

export interface Creation {
  readonly requests: AsyncIterable<TaskRequest>;
  readonly progress: Progress;
  /** Aborts: no further chunk is begun. */
  readonly signal: AbortSignal;
}

export interface CreatedTasks {
  /** One for each request, in their order; those of duplicates are of the tasks that were there. */
  readonly task_ids: number[];
  readonly created: number;
  readonly duplicates: number;
}

/** Throws what `TaskCreator.create` throws; when earlier chunks are committed the message says so. */
export async function createAll(
  creator: TaskCreator,
  { requests, progress, signal }: Creation,
): Promise<CreatedTasks> {
  const task_ids: number[] = [];
  let created = 0;
  const store = async (chunk: readonly TaskRequest[]): Promise<void> => {
    const tasks = await creator.create(chunk).catch((error: unknown) => {
      throw task_ids.length === 0 ? error : afterSome(error, created);
    });
    created += tasks.filter((task) => task.created).length;
    for (const task of tasks) task_ids.push(task.task_id);
    progress.update(task_ids.length, '');
  };
  let chunk: TaskRequest[] = [];
  for await (const request of requests) {
    if (signal.aborted) break;
    chunk.push(request);
    if (chunk.length < CHUNK) continue;
    await store(chunk);
    chunk = [];
  }
  if (chunk.length > 0 && !signal.aborted) await store(chunk);
  progress.stop();
  return { task_ids, created, duplicates: task_ids.length - created };
}

function afterSome(error: unknown, created: number): unknown {
  if (!(error instanceof TreadleError)) return error;
  return new TreadleError(error.code, `${error.message} (${created} tasks had been created before)`, {
    cause: error,
    details: { ...error.details, created },
  });
}
