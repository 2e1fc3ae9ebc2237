// The comparison for people: one table a work, then who ran with which settings.
import { ratioText } from '../measure.ts';
import { table } from '../report.ts';
import type { PeersResult, PeerWork } from './result.ts';
import { TITLES } from './titles.ts';

export function peersText(result: PeersResult): string {
  const { runs, redis, works, contenders } = result;
  return [
    `peers: no-op steps, one process each, beside Treadle (medians of ${runs} runs)`,
    ...works.map((work) => workText(work, result)),
    contenders.map((contender) => settingsText(contender, redis)).join('\n'),
    ...(redis === null ? ['There was no redis-server, so BullMQ on Redis was left out.'] : []),
  ].join('\n\n');
}

function workText({ work, rows, lacking }: PeerWork, { contenders }: PeersResult): string {
  const head = [
    TITLES[work],
    'steps/s',
    'times Treadle',
    'with creation',
    'times Treadle',
    'CPU us/step: node',
    'server',
    'durable of each step',
  ];
  const about = (name: string) => contenders.find((contender) => contender.name === name);
  const body = rows.map((row) => [
    row.name,
    row.steps_per_second.toLocaleString('en'),
    timesText(row.times_treadle),
    row.with_creation_steps_per_second.toLocaleString('en'),
    timesText(row.with_creation_times_treadle),
    row.node_cpu_us_per_step,
    row.server_cpu_us_per_step ?? '-',
    about(row.name)?.keeps.join(', ') ?? '',
  ]);
  const cannot = lacking.map((name) => [name, about(name)?.lacks ?? '', '', '', '', '', '', '']);
  return table(head, [...body, ...cannot]);
}

/** `0.42x`, or `3.1x, faster`. */
function timesText(times: number): string {
  return times > 1 ? `${ratioText(times)}, faster` : ratioText(times);
}

function settingsText(contender: PeersResult['contenders'][number], redis: string | null): string {
  const { name, package: version, settings, durability, ways } = contender;
  const store = durability.startsWith('Redis') && redis !== null ? `, Redis ${redis}` : '';
  const asWork = Object.entries(ways).map(([work, way]) => `${work} = ${way}`);
  return `${name} (${version}${store}): ${settings}. ${durability}.\n  ${asWork.join('; ')}`;
}
