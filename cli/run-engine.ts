// Runs an engine until the process is told to end: first in order, then in a hurry.
import type { Logger } from 'pino';
import type { Config } from '../core/config.ts';
import type { Engine } from '../engine/engine.ts';
import { statusAfter, type Interrupt } from './interrupt.ts';
import { ExitStatus, FAILED } from './report-error.ts';
import type { Addresses, Servers } from './servers.ts';

/** `onRunning` is called once it runs, and its servers with it. Throws ExitStatus 1 when outcomes could not be recorded before the end. */
export async function runUntilInterrupted(
  engine: Engine,
  config: Config,
  interrupt: Interrupt,
  log: Logger,
  onRunning: (addresses: Addresses) => void,
  servers?: Servers,
): Promise<NodeJS.Signals> {
  try {
    await engine.start();
    onRunning((await servers?.start()) ?? { grpc: [], http: undefined });
    const name = await interrupt.received;
    log.info(
      `${name}: stopping; steps that run may take ${config.graceSeconds} s to end (again: tell them to abort)`,
    );
    return name;
  } finally {
    await stopAll(engine, servers, config, interrupt);
  }
}

/** The engine waits for what its workers hold, so the server has nobody left to wait for. */
async function stopAll(
  engine: Engine,
  servers: Servers | undefined,
  config: Config,
  interrupt: Interrupt,
): Promise<void> {
  servers?.refuse();
  try {
    await stop(engine, config, interrupt);
  } finally {
    await servers?.stop();
  }
}

async function stop(engine: Engine, config: Config, interrupt: Interrupt): Promise<void> {
  const hurry = (): void => void engine.stop({ graceSeconds: 0 });
  interrupt.hurry.addEventListener('abort', hurry);
  const { unrecorded } = await engine.stop({ graceSeconds: config.graceSeconds });
  interrupt.hurry.removeEventListener('abort', hurry);
  if (unrecorded > 0) throw new ExitStatus(FAILED);
}

/** The end of a command that was told to end. */
export function endAfter(name: NodeJS.Signals): void {
  const status = statusAfter(name);
  if (status !== 0) throw new ExitStatus(status);
}
