// A table without colours of its own, so that it reads the same in a file.
import Table from 'cli-table3';
import type { Terminal } from './terminal.ts';

export function plainTable({ colors }: Terminal, head: readonly string[]): InstanceType<typeof Table> {
  return new Table({
    head: head.map((title) => colors.bold(title)),
    style: { head: [], border: [], compact: true },
  });
}
