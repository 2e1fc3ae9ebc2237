// The figures of full runs, one file a benchmark: what the README and the plot show, and nothing else.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Machine } from './machine.ts';

export const RESULTS = join(import.meta.dirname, 'results');

export interface Kept {
  readonly benchmark: string;
  readonly machine: Machine;
}

/** Replaces what was kept of this benchmark. */
export async function saveResult(benchmark: string, machine: Machine, result: object): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  const kept = { benchmark, machine, ...result } satisfies Kept;
  await writeFile(join(RESULTS, `${benchmark}.json`), `${JSON.stringify(kept, null, 2)}\n`);
}

/** By the name of the benchmark. */
export async function keptResults(): Promise<ReadonlyMap<string, Kept>> {
  const names = (await readdir(RESULTS).catch(() => [])).filter((name) => name.endsWith('.json')).sort();
  const read = async (name: string): Promise<[string, Kept]> => [
    basename(name, '.json'),
    JSON.parse(await readFile(join(RESULTS, name), 'utf8')) as Kept,
  ];
  return new Map(await Promise.all(names.map(read)));
}
