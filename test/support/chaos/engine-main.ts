// An engine in a process of its own, for the chaos run to kill. argv[2] is a ChaosEngineOptions as JSON. Writes `ready` to
// standard output when it runs; a signal stops it in order, a second one in a hurry.
import { pino } from 'pino';
import { Engine } from '../../../engine/engine.ts';
import { chaosHandler } from './handler.ts';
import { Journal } from './journal.ts';
import { templatesOf } from './workload.ts';

export interface ChaosEngineOptions {
  readonly url: string;
  readonly seed: number;
  readonly journal: string;
  readonly leaseSeconds: number;
  readonly concurrency: number;
  /** `off`: leases alone tell who is dead. */
  readonly sessionLocks: 'auto' | 'off';
  /** After so many ms a step is shown as in progress; 0: at once. */
  readonly fuseMs: number;
}

/** Often, so that what only a sweep could mend shows in the log. */
const SWEEP_SECONDS = 5;

const options = JSON.parse(process.argv[2] ?? '{}') as ChaosEngineOptions;
const log = pino({ level: 'info' }, pino.destination({ dest: 2, sync: true }));
const handlers = { Chaos: chaosHandler(new Journal(options.journal)) };

/** Postgres may be away while we start. */
async function startedEngine(): Promise<Engine> {
  for (;;) {
    const engine = new Engine({
      database: options.url,
      handlers,
      templates: templatesOf(options.seed),
      leaseSeconds: options.leaseSeconds,
      concurrency: options.concurrency,
      sessionLocks: options.sessionLocks,
      fuseMs: options.fuseMs,
      pollIntervalMs: 200,
      sweepSeconds: SWEEP_SECONDS,
      log,
    });
    try {
      await engine.start();
      return engine;
    } catch (error) {
      log.warn({ err: error }, 'the engine could not start; trying again');
      await engine.stop({ graceSeconds: 0 }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

process.stdin.resume().once('end', () => process.exit(1)); // nobody is left to end us

let signals = 0;
const engine = startedEngine();
process.on('SIGTERM', () => {
  signals += 1;
  const graceSeconds = signals > 1 ? 0 : 1;
  void engine.then((running) => running.stop({ graceSeconds })).then(() => process.exit(0));
});
await engine;
console.log('ready');
