// A process of its own that creates a task on the database in argv[2] with the queue in argv[3] and the template in argv[4],
// and dies by its own hand when the committed task is handed to the queue: `before` the queue has the job, or `after`, but
// before Postgres knows (argv[5]).
import { pino } from 'pino';
import { readTemplate } from '../../core/template/read.ts';
import { Engine } from '../../engine/engine.ts';
import type { TaskJob } from '../../engine/queue/adapter.ts';
import { BullMqQueue } from '../../engine/queue/bullmq.ts';

const [, , database = '', url = '', text = '', moment = ''] = process.argv;

class DeadlyQueue extends BullMqQueue {
  override async enqueue(jobs: readonly TaskJob[]): Promise<void> {
    if (moment === 'after') await super.enqueue(jobs);
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => {});
  }
}

const template = readTemplate(text, 'argv');
const queue = new DeadlyQueue({ url, log: pino({ level: 'silent' }) });
const engine = new Engine({ database, queue, templates: [template] });
await engine.start();
await engine.createTask({
  namespace_name: template.namespace_name,
  name: template.name,
  context: { order_id: 1 },
});
