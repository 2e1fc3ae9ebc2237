// What people see of the kept figures: the plot, and the block of the README between its two marks. Both are made from
// bench/results alone, and a test holds them to it.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BENCHMARKS } from './benchmarks.ts';
import { machineLine } from './machine.ts';
import { peersTable } from './peers/readme.ts';
import type { PeersResult } from './peers/result.ts';
import { plotSvg } from './plot.ts';
import { markdownTable } from './report.ts';
import { keptResults, RESULTS, type Kept } from './results.ts';

export const README = join(import.meta.dirname, '..', 'README.md');
export const PLOT = join(RESULTS, 'peers.svg');
const [BEGIN, END] = ['<!-- bench:figures -->', '<!-- /bench:figures -->'];

/** Draws both anew. */
export async function show(): Promise<void> {
  const kept = await keptResults();
  await writeFile(README, withFigures(await readFile(README, 'utf8'), kept));
  const plot = plotOf(kept);
  if (plot !== undefined) await writeFile(PLOT, plot);
}

type Results = ReadonlyMap<string, Kept>;

/** Undefined before the peers were measured. */
export function plotOf(kept: Results): string | undefined {
  const peers = peersOf(kept);
  return peers && plotSvg(peers, machineLine(peers.machine));
}

function peersOf(kept: Results): (PeersResult & Kept) | undefined {
  return kept.get('peers') as (PeersResult & Kept) | undefined;
}

/** The README with the block that says these figures. */
export function withFigures(readme: string, kept: Results): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`README.md: expected the marks ${BEGIN} and ${END}`);
  const block = [BEGIN, ...figures(kept), END].join('\n\n');
  return readme.slice(0, begin) + block + readme.slice(end + END.length);
}

function figures(kept: Results): string[] {
  const peers = peersOf(kept);
  const picture = '![Steps per second of Treadle and its peers](bench/results/peers.svg)';
  return [...(peers ? [picture, peersTable(peers)] : []), ...headlineTable(kept)];
}

/** What the other benchmarks have to say in one line each. */
function headlineTable(kept: Results): string[] {
  const rows = BENCHMARKS.flatMap(({ name, headlines }) => {
    const result = kept.get(name);
    return result ? headlines(result).map((line) => [...line, dayOf(result)]) : [];
  });
  const machine = [...kept.values()].map((one) => one.machine).find(({ postgres }) => postgres !== 'none');
  if (rows.length === 0 || !machine) return [];
  return [markdownTable(['', '', 'measured'], rows), `On ${machineLine(machine)}`];
}

function dayOf({ machine }: Kept): string {
  return machine.measured_at.slice(0, 10);
}
