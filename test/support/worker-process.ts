// A process of its own that runs an engine as `treadle start` does, for tests that kill, stop and starve it. argv[2] is
// JSON: WorkerOrders. It prints its log, and a line {"began": ...} for every attempt, which it can also keep in a file.
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { onInterrupt } from '../../cli/interrupt.ts';
import { ExitStatus } from '../../cli/report-error.ts';
import { endAfter, runUntilInterrupted } from '../../cli/run-engine.ts';
import { loadConfig } from '../../core/config.ts';
import { parseTemplate } from '../../core/template/template.ts';
import { Engine } from '../../engine/engine.ts';
import { handlersOf, untilAborted, type Work, type Works } from './engines.ts';
import type { WorkerOrders } from './workers.ts';

const orders = JSON.parse(process.argv[2] ?? '{}') as WorkerOrders;

function told(work: Work): Work {
  return (context) => {
    const { workflow_step_id, name, attempt } = context.step;
    console.log(JSON.stringify({ began: name, attempt }));
    if (orders.journal !== undefined) appendFileSync(orders.journal, `${workflow_step_id}/${attempt}\n`);
    return work(context);
  };
}

const works: Works = {
  brief: () => pause(orders.briefMs ?? 1).then(() => 'done'),
  /** Never ends, whatever its signal says. */
  deaf: () => new Promise(() => {}),
  heeding: ({ signal }) => untilAborted(signal),
  /** As brief, but the first attempt never ends. */
  stuckOnce: ({ step }) => (step.attempt === 1 ? new Promise(() => {}) : 'done'),
  deadly: () => process.kill(process.pid, 'SIGKILL'),
};

/** Those that its templates name: what another test left must not come here. */
function served(): Works {
  const named = new Set(
    orders.templates.flatMap(({ step_templates }) => step_templates.map((step) => step.handler_class)),
  );
  return Object.fromEntries(
    Object.entries(works).flatMap(([name, work]) => (named.has(name) ? [[name, told(work)]] : [])),
  );
}

const config = loadConfig({
  DATABASE_URL: orders.url,
  TREADLE_GRACE_SECONDS: String(orders.graceSeconds ?? 30),
});
const interrupt = onInterrupt();
const log = pino({ level: 'info' }, pino.destination({ dest: 1, sync: true }));
const engine = new Engine({
  database: orders.url,
  templates: orders.templates.map((template) => parseTemplate(template)),
  handlers: handlersOf(served()),
  leaseSeconds: orders.leaseSeconds ?? 15,
  sessionLocks: orders.sessionLocks ?? 'auto',
  concurrency: orders.concurrency ?? 100,
  log,
});
try {
  endAfter(await runUntilInterrupted(engine, config, interrupt, log, () => log.info('ready')));
  process.exit(0); // a handler that never ends must not keep the process
} catch (error) {
  if (!(error instanceof ExitStatus)) throw error;
  process.exit(error.status);
}
