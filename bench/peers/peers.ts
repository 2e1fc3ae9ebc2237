// Treadle beside what its users would otherwise take, at comparable work: the same machine, the same Postgres, the same hour, one
// process each. Rounds are interleaved, so that a machine that grows slower does so for all. A run is an error unless every
// step ran and, where the contender keeps steps, every step is in its tables.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { benchmark, type BenchOptions } from '../benchmark.ts';
import { median, repeated, rounded } from '../measure.ts';
import type { BenchServer } from '../server.ts';
import type { Answer, Ran } from './contend.ts';
import { STEPS, WORKS, type About, type Work } from './contender.ts';
import { FIELD, TREADLE, type Starter } from './field.ts';
import { redisVersion, withRedis } from './redis.ts';
import type { PeerRow, PeersResult, PeerWork } from './result.ts';
import { peersText } from './text.ts';

const SCRIPT = join(import.meta.dirname, 'contend.ts');
const QUICK_WORKFLOWS = 20;
/** Runs take seconds. */
const RUN_LIMIT_MS = 600_000;

export const peers = benchmark<PeersResult>({
  name: 'peers',
  says: 'graphile-worker, pg-boss, DBOS Transact and BullMQ at the same work beside Treadle',
  alone: true,
  measure: benchPeers,
  report: peersText,
});

async function benchPeers(server: BenchServer, options: BenchOptions): Promise<PeersResult> {
  const redis = await redisVersion();
  if (redis === undefined)
    options.onProgress('peers: there is no redis-server here, BullMQ on Redis is left out');
  const starters = FIELD.filter(
    ({ name, store }) =>
      (redis !== undefined || store === 'postgres') &&
      (options.peer === undefined ||
        name === TREADLE ||
        name.toLowerCase().startsWith(options.peer.toLowerCase())),
  );
  const abouts = new Map<string, About>();
  const works = await repeated(WORKS.length, (place) =>
    measureWork(server, WORKS[place] as Work, starters, abouts, options),
  );
  const contenders = [...abouts].map(([name, about]) => ({ name, ...about }));
  return { runs: options.runs, redis: redis ?? null, contenders, works };
}

async function measureWork(
  server: BenchServer,
  work: Work,
  starters: readonly Starter[],
  abouts: Map<string, About>,
  { runs, quick, onProgress }: BenchOptions,
): Promise<PeerWork> {
  const ran = new Map<string, Ran[]>();
  await repeated(runs, async (round) => {
    for (const starter of starters) {
      const workflows = quick ? QUICK_WORKFLOWS : starter.workflows[work];
      const answer = await contend(server, starter, work, workflows);
      abouts.set(starter.name, answer.about);
      if (!answer.ran) continue;
      ran.set(starter.name, [...(ran.get(starter.name) ?? []), answer.ran]);
      const rate = Math.round((workflows * STEPS[work] * 1000) / answer.ran.run_ms);
      onProgress(`peers: ${work}, run ${round + 1} of ${runs}, ${starter.name}: ${rate} steps/s`);
    }
  });
  const able = starters.filter(({ name }) => ran.has(name));
  const rows = able.map((starter) =>
    summary(
      starter.name,
      work,
      quick ? QUICK_WORKFLOWS : starter.workflows[work],
      ran.get(starter.name) ?? [],
    ),
  );
  const lacking = starters.filter(({ name }) => !ran.has(name)).map(({ name }) => name);
  return { work, steps_per_workflow: STEPS[work], rows: besideTreadle(rows), lacking };
}

async function contend(
  server: BenchServer,
  { name, store }: Starter,
  work: Work,
  workflows: number,
): Promise<Answer> {
  const at = (url: string): Promise<Answer> => inAnotherProcess(name, [name, work, String(workflows), url]);
  if (store === 'postgres') return server.withEmptyDatabase(at);
  return withRedis(store === 'redis always' ? 'always' : 'everysec', at);
}

async function inAnotherProcess(name: string, args: readonly string[]): Promise<Answer> {
  const child = fork(SCRIPT, args, {
    execArgv: ['--no-deprecation', '--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    timeout: RUN_LIMIT_MS,
  });
  const answers: Answer[] = [];
  child.on('message', (message) => answers.push(message as Answer));
  await once(child, 'exit');
  const [answer] = answers;
  if (!answer) throw new Error(`${name} did not end its work: ${child.signalCode ?? 'see above'}`);
  return answer;
}

type Rates = Omit<PeerRow, 'times_treadle' | 'with_creation_times_treadle'>;

function summary(name: string, work: Work, workflows: number, runs: readonly Ran[]): Rates {
  const steps = workflows * STEPS[work];
  const of = (pick: (ran: Ran) => number): number => median(runs.map(pick));
  const perSecond = (ms: number): number => Math.round((steps * 1000) / ms);
  const server = runs.flatMap(({ server_cpu_ms }) => server_cpu_ms ?? []);
  return {
    name,
    workflows,
    steps,
    steps_per_second: perSecond(of(({ run_ms }) => run_ms)),
    with_creation_steps_per_second: perSecond(of(({ run_ms, create_ms }) => run_ms + create_ms)),
    node_cpu_us_per_step: rounded((of(({ node_cpu_ms }) => node_cpu_ms) * 1000) / steps),
    server_cpu_us_per_step: server.length > 0 ? rounded((median(server) * 1000) / steps) : null,
  };
}

function besideTreadle(rows: readonly Rates[]): PeerRow[] {
  const treadle = rows.find(({ name }) => name === TREADLE);
  if (!treadle) throw new Error('Treadle has not run, and the others are measured by it');
  return rows.map((row) => ({
    ...row,
    times_treadle: rounded(row.steps_per_second / treadle.steps_per_second),
    with_creation_times_treadle: rounded(
      row.with_creation_steps_per_second / treadle.with_creation_steps_per_second,
    ),
  }));
}
