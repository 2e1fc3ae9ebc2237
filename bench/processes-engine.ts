// A process of its own that runs an engine beside others, for the benchmark of several processes. It speaks JSON, a line for
// each thing that it has to say, and ends when its input does: nothing outlives the benchmark.
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { Engine } from '../engine/engine.ts';
import { Database } from '../sql/database.ts';
import { cpuMilliseconds } from './cpu.ts';
import { NoopHandler } from './shapes.ts';

/** Loaded and waiting for `start`; so many more tasks complete; its last word, with the CPU used since `measure`. */
export type Word =
  | { readonly loaded: true }
  | { readonly completed: number }
  | { readonly failed: number }
  | { readonly cpu_ms: number };

const [, script = '', url, connections, concurrency] = process.argv;
if (script === import.meta.filename && url !== undefined) await obey(url);

async function obey(databaseUrl: string): Promise<void> {
  const database = new Database({ url: databaseUrl, maxConnections: Number(connections) });
  const log = pino({ level: 'error' }, pino.destination(2));
  const engine = new Engine({
    database,
    handlers: [NoopHandler],
    concurrency: Number(concurrency),
    log,
  });
  speakOf(engine);
  say({ loaded: true });
  let cpuBefore = cpuMilliseconds();
  for await (const line of createInterface(process.stdin)) {
    if (line === 'start') await engine.start();
    if (line === 'measure') cpuBefore = cpuMilliseconds();
  }
  await engine.stop();
  await database.close();
  say({ cpu_ms: cpuMilliseconds() - cpuBefore });
}

function speakOf(engine: Engine): void {
  let completed = 0;
  engine.on('task.failed', ({ task_id }) => say({ failed: task_id }));
  engine.on('task.completed', () => {
    completed += 1;
    if (completed > 1) return;
    setImmediate(() => {
      say({ completed });
      completed = 0;
    });
  });
}

function say(word: Word): void {
  console.log(JSON.stringify(word));
}
