// The conformance suite as vitest tests, and consumers in processes of their own for queues that a URL names.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'vitest';
import type { RunTask } from '../../engine/queue/adapter.ts';
import { queueCases, type QueueConsumer, type QueueHarness } from '../../engine/queue/conformance.ts';

/** Why a case of this name is not run, if so. */
type LeftOut = (name: string) => string | undefined;

/** Registers every case for this queue. What it cannot do, or `leftOut` does not want, is shown as skipped, with the reason. */
export function testQueue(harness: QueueHarness, leftOut: LeftOut = () => undefined): void {
  for (const { name, timeoutMs, skip, run } of queueCases) {
    const why = skip?.(harness) ?? leftOut(name);
    const remark = why === undefined ? '' : ` (left out: ${why})`;
    test(`${name}${remark}`, { timeout: timeoutMs, skip: why !== undefined }, () => run(harness));
  }
}

export interface ConsumerOrders {
  /** As TREADLE_QUEUE. */
  readonly queue: string;
  /** Of the database, for queues that live in it. */
  readonly database: string;
}

/** From the consumer: a delivery, or that it delivers from now on. */
export type FromConsumer = { readonly delivery: number; readonly task_id: number } | { readonly ready: true };
/** To the consumer: how a delivery ended; to stop. */
export type ToConsumer = { readonly delivery: number; readonly ok: boolean } | { readonly stop: true };

/** Consumes in a process of its own, which can be killed. */
export async function consumeElsewhere(orders: ConsumerOrders, runTask: RunTask): Promise<QueueConsumer> {
  const script = join(import.meta.dirname, 'queue-consumer-process.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(orders)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const tell = (message: ToConsumer): void => void (child.connected && child.send(message, () => {}));
  const ready = new Promise<void>((resolve, reject) => {
    child.on('message', (message: FromConsumer) => {
      if ('ready' in message) return resolve();
      const { delivery, task_id } = message;
      runTask(task_id).then(
        () => tell({ delivery, ok: true }),
        () => tell({ delivery, ok: false }),
      );
    });
    void exited.then(() => reject(new Error('the consumer process ended before it was ready')));
  });
  await ready;
  return {
    stop: async () => {
      tell({ stop: true });
      await exited;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
