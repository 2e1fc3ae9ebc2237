// The comparison as a picture: bars of steps per second, one panel a work. Plain SVG without script, with its own background, so
// that it can be read on light and on dark pages.
import { ratioText } from './measure.ts';
import { WORKS } from './peers/contender.ts';
import { TREADLE } from './peers/field.ts';
import type { PeerRow, PeersResult } from './peers/result.ts';
import { TITLES } from './peers/titles.ts';

const WIDTH = 960;
const NAMES = 230;
const PANEL = (WIDTH - NAMES - 16) / WORKS.length;
/** The rest of a panel is for the figure behind the longest bar. */
const BAR = PANEL - 92;
const HEAD = 74;
const ROW = 42;
const FOOT = 34;

const STYLE = `
  .ground { fill: #ffffff }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .strong { font-weight: 600 }
  .peer { fill: #8c959f }
  .treadle { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 }
    text { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .peer { fill: #656c76 }
    .treadle { fill: #4493f8 }
  }
`;

/** `footnote`: on what and when it was measured. */
export function plotSvg(result: PeersResult, footnote: string): string {
  const height = HEAD + result.contenders.length * ROW + FOOT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">`,
    `<title id="title">Steps per second of Treadle and its peers</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>`,
    text(
      16,
      28,
      'Steps per second in one process, and times Treadle; below each name what is durable of a step',
      'title',
    ),
    ...WORKS.map((work, nth) => text(panelAt(nth), 56, TITLES[work], 'strong')),
    ...result.contenders.flatMap((contender, nth) => contenderLines(result, contender, nth)),
    text(16, height - 12, footnote, 'small'),
    '</svg>',
    '',
  ].join('\n');
}

type ContenderAbout = PeersResult['contenders'][number];

function contenderLines(result: PeersResult, { name, keeps, lacks }: ContenderAbout, nth: number): string[] {
  const y = HEAD + nth * ROW;
  const panels = WORKS.flatMap((wanted, place) => {
    const rows = result.works.find(({ work }) => work === wanted)?.rows ?? [];
    const row = rows.find((other) => other.name === name);
    if (!row) return [text(panelAt(place), y + 18, lacks ?? 'not measured', 'small')];
    return barLines(row, Math.max(...rows.map((other) => other.steps_per_second)), panelAt(place), y);
  });
  return [
    text(16, y + 15, name, name === TREADLE ? 'strong' : ''),
    text(16, y + 30, keeps.join(', '), 'small'),
    ...panels,
  ];
}

function barLines(row: PeerRow, longest: number, x: number, y: number): string[] {
  const width = Math.max(1, Math.round((row.steps_per_second / longest) * BAR));
  const own = row.name === TREADLE;
  const rate = row.steps_per_second.toLocaleString('en');
  const times = own ? '' : ratioText(row.times_treadle);
  return [
    `<rect class="${own ? 'treadle' : 'peer'}" x="${x}" y="${y + 4}" width="${width}" height="24" rx="2"/>`,
    text(x + width + 6, y + 15, rate, own || row.times_treadle > 1 ? 'strong' : ''),
    text(x + width + 6, y + 29, times, 'small'),
  ];
}

function panelAt(nth: number): number {
  return Math.round(NAMES + nth * PANEL);
}

function text(x: number, y: number, words: string, style: string): string {
  const escaped = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${x}" y="${y}"${style === '' ? '' : ` class="${style}"`}>${escaped}</text>`;
}
