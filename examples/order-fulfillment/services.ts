// What the handlers share. The engine makes each handler once and without arguments, so that connections and clients
// live here: the program sets them before it starts the engine.
import type { Database } from '../../index.ts';
import type { Files } from './files.ts';
import type { PaymentClient } from './payments/client.ts';

export interface Services {
  readonly database: Database;
  readonly payments: PaymentClient;
  readonly files: Files;
}

let current: Services | undefined;

export function provideServices(provided: Services): void {
  current = provided;
}

export function services(): Services {
  if (!current) throw new Error('provideServices() must be called before the engine starts');
  return current;
}
