// The client service: each call is checked, kept to the namespaces of its token, and handed to what the TypeScript API and
// the command line use as well.
import type { ClientServiceServer } from '../../../proto/gen/treadle/v1/client.ts';
import { answer, unary, type ClientServiceOptions } from './call.ts';
import * as operations from './operations.ts';
import { taskIdOf } from './requests.ts';
import * as tasks from './tasks.ts';
import { statusOf } from '../errors.ts';
import { TaskWatches } from './watch.ts';
import type { WatchCall } from './watcher.ts';

export function clientService(options: ClientServiceOptions): ClientServiceServer {
  const watches = new TaskWatches(options);
  if (options.leaving?.aborted) watches.close();
  options.leaving?.addEventListener('abort', () => watches.close(), { once: true });
  return {
    createTask: unary(options, tasks.createTask),
    createTasks: unary(options, tasks.createTasks),
    getTask: unary(options, tasks.getTask),
    listTasks: unary(options, tasks.listTasks),
    watchTask: (call) => void watch(options, watches, call),
    cancelTask: unary(options, operations.cancelTask),
    pause: unary(options, operations.pause),
    resume: unary(options, operations.resume),
    retryTask: unary(options, operations.retryTask),
    retryStep: unary(options, operations.retryStep),
    resolveTask: unary(options, operations.resolveTask),
    resolveStep: unary(options, operations.resolveStep),
    runTask: unary(options, tasks.runTask),
    listTemplates: unary(options, tasks.listTemplates),
    getTemplate: unary(options, tasks.getTemplate),
  };
}

async function watch(options: ClientServiceOptions, watches: TaskWatches, call: WatchCall): Promise<void> {
  try {
    await answer(options, call.metadata, call.request, async ({ request, scope }) => {
      const taskId = taskIdOf(request);
      await scope.requireTask(taskId);
      await watches.open(call, taskId);
    });
  } catch (error) {
    call.emit('error', statusOf(error, options.log));
  }
}
