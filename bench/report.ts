// What stands above and around the figures: the machine, and tables. Ratios come first in them, as they survive a busy machine.
import Table from 'cli-table3';
import type { Machine } from './machine.ts';

/** The machine, then the tables of the benchmarks. */
export function reportText(machine: Machine, texts: readonly string[]): string {
  return [machineText(machine), ...texts].join('\n\n');
}

function machineText(machine: Machine): string {
  const { cpu, cores, memory_gb, load, node, measured_at } = machine;
  const postgres =
    machine.postgres === 'none'
      ? ''
      : `Postgres ${machine.postgres}, fsync ${machine.fsync}, synchronous_commit ${machine.synchronous_commit}, ` +
        `shared_buffers ${machine.shared_buffers}, max_wal_size ${machine.max_wal_size}\n`;
  return `Treadle ${machine.treadle}, ${cpu}, ${cores} cores, ${memory_gb} GB, load ${load}, Node ${node}\n${postgres}${measured_at}`;
}

export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const made = new Table({
    head: [...head],
    style: { head: [], border: [] },
    colAligns: head.map(() => 'right'),
  });
  made.push(...rows.map((row) => [...row]));
  return made.toString();
}

/** A table of Markdown, its columns as wide as prettier makes them. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
