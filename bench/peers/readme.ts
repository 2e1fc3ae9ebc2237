// The comparison in the README: a line a contender, a column a work.
import { ratioText } from '../measure.ts';
import { markdownTable } from '../report.ts';
import { WORKS, type Work } from './contender.ts';
import { TREADLE } from './field.ts';
import type { PeersResult } from './result.ts';
import { TITLES } from './titles.ts';

/** Steps per second and times Treadle; what is faster than Treadle is bold. */
export function peersTable(result: PeersResult): string {
  const head = ['steps/s', ...WORKS.map((work) => TITLES[work]), 'durable of each step', 'durability'];
  const rows = result.contenders.map(({ name, keeps, durability }) => [
    name,
    ...WORKS.map((work) => cell(result, work, name)),
    keeps.join(', '),
    durability,
  ]);
  return markdownTable(head, rows);
}

function cell({ works, contenders }: PeersResult, wanted: Work, name: string): string {
  const row = works.find(({ work }) => work === wanted)?.rows.find((other) => other.name === name);
  if (!row) return contenders.find((contender) => contender.name === name)?.lacks ?? '';
  const rate = row.steps_per_second.toLocaleString('en');
  if (name === TREADLE) return rate;
  const text = `${rate} (${ratioText(row.times_treadle)})`;
  return row.times_treadle > 1 ? `**${text}**` : text;
}
