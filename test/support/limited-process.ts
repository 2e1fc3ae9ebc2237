// A process of its own that runs an engine for tests of limits. argv[2] is JSON: LimitedOrders. Its handler writes a line
// when it starts and one when it ends, with the key of the task, into a table of its own: the witness of what overlapped.
import { setTimeout as pause } from 'node:timers/promises';
import type { TaskTemplate } from '../../core/template/template.ts';
import { parseTemplate } from '../../core/template/template.ts';
import { Engine } from '../../engine/engine.ts';
import { Database } from '../../sql/database.ts';
import { handlersOf, type Work } from './engines.ts';

export interface LimitedOrders {
  readonly url: string;
  readonly template: TaskTemplate;
  readonly stepMs: number;
  readonly leaseSeconds?: number;
  readonly concurrency?: number;
}

const orders = JSON.parse(process.argv[2] ?? '{}') as LimitedOrders;
const diary = new Database({ url: orders.url, applicationName: 'the diary of handlers', maxConnections: 4 });

function note(step: number, event: 'start' | 'end', key: unknown): Promise<unknown[]> {
  return diary.query(
    'insert into public.diary (workflow_step_id, event, key, pid, at) values ($1, $2, $3, $4, clock_timestamp())',
    [step, event, String(key), process.pid],
  );
}

const work: Work = async ({ step, task }) => {
  const key = task.context['customer'];
  await note(step.workflow_step_id, 'start', key);
  await pause(orders.stepMs);
  await note(step.workflow_step_id, 'end', key);
};

const engine = new Engine({
  database: orders.url,
  templates: [parseTemplate(orders.template)],
  handlers: handlersOf({ work }),
  leaseSeconds: orders.leaseSeconds ?? 15,
  concurrency: orders.concurrency ?? 20,
});
await engine.start();
console.log('ready');
