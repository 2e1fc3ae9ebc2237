// What people see of the kept figures: the plot, the block of the README between its two marks, and that of the page for Rails
// teams. All are made from bench/results alone, and a test holds them to it.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BENCHMARKS } from './benchmarks.ts';
import { machineLine } from './machine.ts';
import { peersTable } from './peers/readme.ts';
import type { PeersResult } from './peers/result.ts';
import { plotSvg } from './plot.ts';
import { railsMarkdown } from './rails/report.ts';
import type { RailsResult } from './rails/result.ts';
import { markdownTable } from './report.ts';
import { keptResults, RESULTS, type Kept } from './results.ts';

export const README = join(import.meta.dirname, '..', 'README.md');
export const PLOT = join(RESULTS, 'peers.svg');
export const RAILS_PAGE = join(import.meta.dirname, '..', 'docs', 'rails-models.md');

/** Draws all of them anew. */
export async function show(): Promise<void> {
  const kept = await keptResults();
  await writeFile(README, withFigures(await readFile(README, 'utf8'), kept));
  await writeFile(RAILS_PAGE, withRailsFigures(await readFile(RAILS_PAGE, 'utf8'), kept));
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
  return withBlock('README.md', readme, 'figures', figures(kept));
}

/** The page for Rails teams with what the benchmark `rails` has found. */
export function withRailsFigures(page: string, kept: Results): string {
  const found = kept.get('rails') as (RailsResult & Kept) | undefined;
  const says = found
    ? [railsMarkdown(found), `Measured on ${dayOf(found)}, on ${machineLine(found.machine)}`]
    : ['Not measured yet.'];
  return withBlock('docs/rails-models.md', page, 'rails', says);
}

function withBlock(file: string, text: string, name: string, paragraphs: readonly string[]): string {
  const [opening, closing] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [begin, end] = [text.indexOf(opening), text.indexOf(closing)];
  if (begin < 0 || end < begin) throw new Error(`${file}: expected the marks ${opening} and ${closing}`);
  const block = [opening, ...paragraphs, closing].join('\n\n');
  return text.slice(0, begin) + block + text.slice(end + closing.length);
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
