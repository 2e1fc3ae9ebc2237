// What people see of the benchmarks is what the kept figures say: the README and the plot are made from bench/results.
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { BENCHMARKS } from '../../bench/benchmarks.ts';
import type { PeersResult } from '../../bench/peers/result.ts';
import { plotSvg } from '../../bench/plot.ts';
import { keptResults, type Kept } from '../../bench/results.ts';
import { PLOT, plotOf, RAILS_PAGE, README, withFigures, withRailsFigures } from '../../bench/show.ts';

const machine: Kept['machine'] = {
  treadle: '0.1.0',
  cpu: 'a processor',
  cores: 2,
  memory_gb: 4,
  load: 0,
  node: '20.20.2',
  postgres: '18.4',
  fsync: 'on',
  synchronous_commit: 'on',
  shared_buffers: '128MB',
  max_wal_size: '4GB',
  measured_at: '2001-02-03T04:05:06.000Z',
};
const handler = { benchmark: 'handler', machine, overhead_us: 12.5 };

const rates = { steps: 7, with_creation_steps_per_second: 5, with_creation_times_treadle: 1 };
const cpu = { node_cpu_us_per_step: 1, server_cpu_us_per_step: null };
const row = { workflows: 1, ...rates, ...cpu };
const about = { package: 'p', settings: 's', durability: 'fsync', ways: {} };
const peers: PeersResult & Kept = {
  benchmark: 'peers',
  machine,
  runs: 1,
  redis: null,
  contenders: [
    { name: 'Treadle', keeps: ['start', 'audit'], ...about },
    { name: 'Quick & dirty', keeps: ['start'], lacks: 'has no <fan-in>', ...about },
  ],
  works: [
    {
      work: 'seven_steps',
      steps_per_workflow: 7,
      lacking: [],
      rows: [
        { name: 'Treadle', steps_per_second: 1000, times_treadle: 1, ...row },
        { name: 'Quick & dirty', steps_per_second: 2500, times_treadle: 2.5, ...row },
      ],
    },
    { work: 'diamond', steps_per_workflow: 4, lacking: ['Quick & dirty'], rows: [] },
  ],
};

function block(readme: string): string {
  return /<!-- bench:figures -->.*<!-- \/bench:figures -->/s.exec(readme)?.[0] ?? '';
}

describe('the figures that people see', () => {
  test('the README says what bench/results say: run "npm run bench -- plot" when it does not', async () => {
    const readme = await readFile(README, 'utf8');
    expect(readme).toBe(withFigures(readme, await keptResults()));
    expect(block(readme)).not.toMatch(/undefined|NaN|\[object/);
  });

  test('so does the page for Rails teams', async () => {
    const page = await readFile(RAILS_PAGE, 'utf8');
    expect(page).toBe(withRailsFigures(page, await keptResults()));
    expect(page).not.toMatch(/undefined|NaN|\[object/);
  });

  test('the plot is that of bench/results', async () => {
    const plot = plotOf(await keptResults());
    const drawn = await readFile(PLOT, 'utf8').catch(() => undefined);
    expect(drawn).toBe(plot);
  });

  test('every kept result is of a benchmark that there is', async () => {
    const names = new Set(BENCHMARKS.map(({ name }) => name));
    const kept = await keptResults();
    expect([...kept.keys()].filter((name) => !names.has(name))).toEqual([]);
    expect([...kept].filter(([name, { benchmark }]) => name !== benchmark)).toEqual([]);
  });

  test('other figures make another README, and only between its marks', async () => {
    const readme = await readFile(README, 'utf8');
    const other = withFigures(readme, new Map([['handler', handler]]));
    expect(other).toContain('12.5 microseconds');
    expect(other).toContain('2001-02-03');
    expect(other.replace(block(other), '')).toBe(readme.replace(block(readme), ''));
  });

  test('what is faster than Treadle is bold in the README', () => {
    const readme = withFigures('<!-- bench:figures --><!-- /bench:figures -->', new Map([['peers', peers]]));
    expect(readme).toMatch(/\| Treadle +\|.*\| 1,000 +\|.*start, audit/);
    expect(readme).toMatch(/\| Quick & dirty +\|.*\*\*2,500 \(2.5x\)\*\*.*has no <fan-in>/);
  });

  test('the plot names everybody, what each keeps, and what it cannot do; it has no script and nothing to load', () => {
    const svg = plotSvg(peers, 'on a machine');
    expect(svg).toContain('>Quick &amp; dirty</text>');
    expect(svg).toContain('>start, audit</text>');
    expect(svg).toContain('>has no &lt;fan-in&gt;</text>');
    expect(svg).toContain('>2,500</text>');
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg).not.toMatch(/<script|href|url\(|@import/);
  });
});
