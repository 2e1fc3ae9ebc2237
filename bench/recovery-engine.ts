// A process of its own that runs an engine, for the recovery benchmark to kill. A first attempt holds its step for ever; a
// later one, which can only be elsewhere, ends at once. Says `ready`, and `started <attempt>` for every attempt.
import { pino } from 'pino';
import { parseTemplate } from '../core/template/template.ts';
import { Engine } from '../engine/engine.ts';
import type { StepContext } from '../handlers/step-context.ts';
import { StepHandler } from '../handlers/step-handler.ts';

export const HOLD = parseTemplate({
  namespace_name: 'bench',
  name: 'hold',
  version: '1.0.0',
  step_templates: [{ name: 'hold', handler_class: 'HoldHandler' }],
});

class HoldHandler extends StepHandler {
  override process({ step }: StepContext): unknown {
    console.log(`started ${step.attempt}`);
    return step.attempt === 1 ? new Promise(() => {}) : {};
  }
}

const [, script = '', url, lease = '', locks] = process.argv;
if (script === import.meta.filename && url !== undefined) {
  const engine = new Engine({
    database: url,
    handlers: [HoldHandler],
    templates: [HOLD],
    leaseSeconds: Number(lease),
    sessionLocks: locks === 'off' ? 'off' : 'auto',
    log: pino({ level: 'error' }, pino.destination(2)),
  });
  await engine.start();
  console.log('ready');
}
