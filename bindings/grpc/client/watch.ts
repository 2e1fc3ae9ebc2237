// All clients of this process that watch tasks, served by one reader: a thousand of them cost one statement every two
// seconds while nothing happens.
import type { Logger } from 'pino';
import { TreadleError } from '../../../core/errors.ts';
import { TRANSITION_EVENTS, type EventName } from '../../../core/events.ts';
import type { Engine } from '../../../engine/engine.ts';
import type { Executor } from '../../../sql/database.ts';
import { unknownTask } from './scope.ts';
import { statusOf } from '../errors.ts';
import { unavailable } from '../refusal.ts';
import { readTasks, tellNews } from './watch-news.ts';
import { WatchPace } from './watch-pace.ts';
import { Watcher, type WatchCall } from './watcher.ts';

/** The events after which a look brings something. */
const CHANGES = [
  ...new Set([...Object.values(TRANSITION_EVENTS.task), ...Object.values(TRANSITION_EVENTS.step)]),
] satisfies EventName[];

/** Looks that fail in a row, outages apart, until watchers are told. */
const MOST_FAILURES = 3;

export interface TaskWatchesOptions {
  readonly engine: Pick<Engine, 'on' | 'onProgress'>;
  readonly database: Executor;
  readonly log: Logger;
}

export class TaskWatches {
  readonly #options: TaskWatchesOptions;
  readonly #watchers = new Map<number, Set<Watcher>>();
  readonly #changed = new Set<number>();
  readonly #pace = new WatchPace((everything) => this.#look(everything));
  #silence: (() => void) | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: TaskWatchesOptions) {
    this.#options = options;
  }

  /** How many clients watch. */
  get size(): number {
    return [...this.#watchers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Tells this client the task as it is, and from then on what changes. @throws TreadleError `unknown_task` */
  async open(call: WatchCall, taskId: number): Promise<void> {
    const [snapshot] = this.#closed ? [] : await readTasks(this.#options.database, [taskId]);
    if (this.#closed) throw stopping(); // also while we read
    if (!snapshot) throw unknownTask(taskId);
    if (call.cancelled) return;
    const watcher = new Watcher(call, snapshot, () => this.#onChange(taskId));
    if (!watcher.ended) this.#add(call, watcher);
  }

  /** The engine stops: clients go on with another one. */
  close(): void {
    this.#closed = true;
    this.#failAll(stopping());
  }

  #add(call: WatchCall, watcher: Watcher): void {
    const { taskId } = watcher;
    const together = this.#watchers.get(taskId) ?? new Set();
    this.#watchers.set(taskId, together.add(watcher));
    for (const event of ['cancelled', 'finish', 'close']) call.once(event, () => this.#remove(watcher));
    this.#silence ??= this.#listen();
    this.#pace.start();
  }

  #remove(watcher: Watcher): void {
    const together = this.#watchers.get(watcher.taskId);
    if (!together?.delete(watcher) || together.size > 0) return;
    this.#watchers.delete(watcher.taskId);
    this.#changed.delete(watcher.taskId);
    if (this.#watchers.size > 0) return;
    this.#pace.stop();
    this.#silence?.();
    this.#silence = undefined;
  }

  /** While nobody watches, nothing is listened to: an engine makes no payloads that nobody hears. */
  #listen(): () => void {
    const { engine } = this.#options;
    const offs = CHANGES.map((event) => engine.on(event, ({ task_id }) => this.#onChange(task_id)));
    const off = engine.onProgress(({ task_id, workflow_step_id, step_name, fraction, message }) => {
      const progress = { workflow_step_id, name: step_name, fraction, message };
      for (const watcher of this.#of(task_id)) watcher.tellProgress(progress);
    });
    return () => [...offs, off].forEach((silence) => silence());
  }

  #of(taskId: number): readonly Watcher[] {
    return [...(this.#watchers.get(taskId) ?? [])];
  }

  #onChange(taskId: number): void {
    if (!this.#watchers.has(taskId)) return;
    this.#changed.add(taskId);
    this.#pace.soon();
  }

  async #look(everything: boolean): Promise<boolean> {
    const taskIds = [...(everything ? this.#watchers.keys() : this.#changed)];
    this.#changed.clear();
    try {
      const { any, gone } = await tellNews(this.#options.database, (taskId) => this.#of(taskId), taskIds);
      for (const taskId of gone) this.#fail(this.#of(taskId), unknownTask(taskId));
      this.#failures = 0;
      return any;
    } catch (error) {
      this.#onFailure(error);
      return false;
    }
  }

  /** An outage is waited for: the next look sees whatever has happened in it. */
  #onFailure(error: unknown): void {
    if (error instanceof TreadleError && error.code === 'database_unavailable') return;
    this.#failures += 1;
    this.#options.log.warn({ err: error }, 'watched tasks could not be read');
    if (this.#failures < MOST_FAILURES) return;
    this.#failures = 0;
    this.#failAll(error);
  }

  #failAll(error: unknown): void {
    for (const taskId of this.#watchers.keys()) this.#fail(this.#of(taskId), error);
  }

  #fail(watchers: readonly Watcher[], error: unknown): void {
    for (const watcher of watchers) watcher.fail(statusOf(error, this.#options.log));
  }
}

function stopping(): Error {
  return unavailable('the engine stops: watch the task at another one');
}
