// An engine with its native handlers, from its start to its end, under the eyes of a supervisor where there is one.
import type { Logger } from 'pino';
import type { Config } from '../core/config.ts';
import type { Engine } from '../engine/engine.ts';
import type { Interrupt } from './interrupt.ts';
import { START_AGAIN, type NativeWorkers } from './native.ts';
import { ExitStatus } from './report-error.ts';
import { runUntilInterrupted } from './run-engine.ts';
import type { Addresses, Servers } from './servers.ts';
import { tellSupervisor } from './supervise.ts';

export interface NativeRun {
  readonly engine: Engine;
  readonly config: Config;
  readonly interrupt: Interrupt;
  readonly log: Logger;
  readonly servers: Servers;
  readonly native: NativeWorkers;
  /** Once all of it runs. */
  readonly onRunning: (addresses: Addresses) => void;
}

/** As runUntilInterrupted; without native handlers nothing else. Throws ExitStatus START_AGAIN when it ended for deaf handlers. */
export async function runWithNative(run: NativeRun): Promise<NodeJS.Signals> {
  const { engine, config, interrupt, log, servers, native } = run;
  const running = (addresses: Addresses): void => {
    native.connect(engine);
    tellSupervisor('serving');
    run.onRunning(addresses);
  };
  interrupt.signal.addEventListener('abort', () =>
    tellSupervisor(native.areTooDeaf ? 'ending to start again' : 'ending'),
  );
  const ending = await runUntilInterrupted(engine, config, interrupt, log, running, servers);
  await native.stop();
  if (native.areTooDeaf) throw new ExitStatus(START_AGAIN);
  return ending;
}
