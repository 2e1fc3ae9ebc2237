// A process of its own that consumes the queue in argv[2] (JSON: ConsumerOrders) until it is told to stop. Every delivery is
// asked for by IPC, and ends as the answer says.
import { pino } from 'pino';
import { queueOfUrl } from '../../engine/queue/queue-of-url.ts';
import { Database } from '../../sql/database.ts';
import type { ConsumerOrders, FromConsumer, ToConsumer } from './queue-suite.ts';

const orders = JSON.parse(process.argv[2] ?? '{}') as ConsumerOrders;
const database = new Database({ url: orders.database });
const queue = await queueOfUrl(orders.queue, { database, log: pino({ level: 'silent' }) });
const open = new Map<number, (ok: boolean) => void>();
let deliveries = 0;

const say = (message: FromConsumer): void => void process.send?.(message);

process.on('message', (message: ToConsumer) => {
  if ('stop' in message) void end();
  else open.get(message.delivery)?.(message.ok);
});
process.once('disconnect', () => process.exit(1)); // the test has ended without us

async function end(): Promise<void> {
  await queue.stop();
  process.exit(0);
}

await queue.start(async (task_id) => {
  const delivery = (deliveries += 1);
  const answered = new Promise<boolean>((resolve) => open.set(delivery, resolve));
  say({ delivery, task_id });
  const ok = await answered;
  open.delete(delivery);
  if (!ok) throw new Error('the task could not be started: this is a test');
});
say({ ready: true });
