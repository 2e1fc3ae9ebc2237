// The demo's command line. What cannot be meant is refused before anything is started.
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readOrders, type OrderLine } from './read-orders.ts';

export const USAGE = `npm run demo [-- options]
  --orders <file>   your own orders, .jsonl or .csv (examples/order-fulfillment/README.md says how)
  --count <n>       only the first n orders of the file
  --seed <n>        another seed gives the payment provider other bad days
  --out <folder>    where invoices and mails go
  --typescript-only no workers in Python and Ruby: TypeScript does their part
  --keep-open       leave Postgres running at the end, until Ctrl-C
  --help`;

export interface Options {
  readonly file: string;
  readonly lines: readonly OrderLine[];
  readonly seed: number;
  readonly outDir: string;
  readonly typeScriptOnly: boolean;
  readonly keepOpen: boolean;
}

/** What is wrong with the arguments, in one line. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
}

/** Undefined: help was asked for. Throws ArgumentError. */
export function readOptions(args: readonly string[]): Options | undefined {
  try {
    const { values } = parse(args);
    if (values.help) return undefined;
    const file = values.orders ?? join(import.meta.dirname, 'orders.jsonl');
    const lines = readOrders(file).slice(0, wholeNumber('--count', values.count, 1));
    if (lines.length === 0) throw new Error(`${file} has no orders in it`);
    return {
      file,
      lines,
      seed: wholeNumber('--seed', values.seed, 0) ?? 1,
      outDir: resolve(values.out ?? join(import.meta.dirname, 'out')),
      typeScriptOnly: values['typescript-only'] ?? false,
      keepOpen: values['keep-open'] ?? false,
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // parseArgs explains at length how to pass something that begins with a dash: its first sentence is enough
    throw new ArgumentError(message.split(/\. |\n/)[0], { cause: error });
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      orders: { type: 'string' },
      count: { type: 'string' },
      seed: { type: 'string' },
      out: { type: 'string' },
      'typescript-only': { type: 'boolean' },
      'keep-open': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}

function wholeNumber(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && Number.isSafeInteger(value)) return value;
  throw new Error(`${name}: expected a whole number of at least ${least}, got "${text}"`);
}
