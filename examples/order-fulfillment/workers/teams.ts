// Who writes what: the payment team writes Python, the shipping team Ruby. Their handlers run in worker processes of their
// own. Each has twins in TypeScript, for machines that have not the language.
import { join } from 'node:path';
import type { StepHandler } from '../../../index.ts';
import { python, ruby } from '../../../scripts/toolchains.ts';
import { AuthorizePayment } from '../handlers/authorize-payment.ts';
import { CapturePayment } from '../handlers/capture-payment.ts';
import { ShipOrder } from '../handlers/ship-order.ts';

const HERE = join(import.meta.dirname, '..');
const GEM = join(HERE, '..', '..', 'bindings', 'ruby', 'lib');

/** How to start a worker, or why there is none. */
export type Found =
  { readonly ok: true; readonly command: readonly string[] } | { readonly ok: false; readonly why: string };

export interface Team {
  readonly name: string;
  readonly language: string;
  readonly twins: readonly (new () => StepHandler)[];
  /** Looks for the language on this machine. May take a while the first time, and says so then. */
  readonly find: () => Promise<Found>;
}

export const teams: readonly Team[] = [
  {
    name: 'payment',
    language: 'Python',
    twins: [AuthorizePayment, CapturePayment],
    find: async () => {
      const found = await python({ install: 'venv-only' });
      if (!found.ok) return found;
      const folder = join(HERE, 'python');
      const command = [found.python, join(folder, 'run_worker.py'), 'payments', '--app-dir', folder];
      return { ok: true, command };
    },
  },
  {
    name: 'shipping',
    language: 'Ruby',
    twins: [ShipOrder],
    find: async () => {
      const found = await ruby({ install: 'nothing' });
      if (!found.ok) return found;
      const folder = join(HERE, 'ruby');
      const command = [
        found.ruby,
        '-I',
        GEM,
        join(folder, 'run_worker.rb'),
        '-r',
        join(folder, 'ship_order.rb'),
      ];
      return { ok: true, command };
    },
  },
];
