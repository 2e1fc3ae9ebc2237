// How long a step is nowhere when its process is killed: from `kill -9` to the moment in which its handler starts in
// another process. Two real engine processes; each kill gets a task of its own, so that no backoff is measured.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Engine } from '../engine/engine.ts';
import type { Database } from '../sql/database.ts';
import { percentile, repeated, rounded } from './measure.ts';
import { HOLD } from './recovery-engine.ts';
import type { BenchServer } from './server.ts';
import { benchmark } from './benchmark.ts';
import { table } from './report.ts';

const SCRIPT = join(import.meta.dirname, 'recovery-engine.ts');
const KILLS = 50;
const LEASE_KILLS = 8;
const QUICK_KILLS = 2;
/** So short only for the benchmark: the default is 15 s. */
const SHORT_LEASE_SECONDS = 1;

export interface RecoveryOptions {
  readonly quick: boolean;
  readonly onProgress: (line: string) => void;
}

export interface RecoveryTimes {
  readonly mode: 'session locks' | 'leases';
  readonly lease_seconds: number;
  readonly kills: number;
  /** From the kill to the start of the handler elsewhere, in ms. */
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly worst_ms: number;
}

export interface RecoveryResult {
  readonly modes: readonly RecoveryTimes[];
}

interface Mode {
  readonly mode: RecoveryTimes['mode'];
  readonly lease: number;
  readonly kills: number;
}

export const recovery = benchmark<RecoveryResult>({
  name: 'recovery',
  says: 'From kill -9 of an engine process to its step running in another one',
  measure: benchRecovery,
  report: recoveryText,
  headlines: ({ modes }) =>
    modes.map((row) => [
      `from kill -9 to the step running elsewhere, by ${row.mode}`,
      `p50 ${row.p50_ms} ms, p99 ${row.p99_ms} ms`,
    ]),
});

async function benchRecovery(
  server: BenchServer,
  { quick, onProgress }: RecoveryOptions,
): Promise<RecoveryResult> {
  const modes: Mode[] = [
    { mode: 'session locks', lease: 15, kills: quick ? QUICK_KILLS : KILLS },
    { mode: 'leases', lease: SHORT_LEASE_SECONDS, kills: quick ? QUICK_KILLS : LEASE_KILLS },
  ];
  const times = await repeated(modes.length, async (nth) => {
    const mode = modes[nth];
    if (!mode) throw new RangeError('there is no such mode');
    const row = await server.withDatabase((database) => measure(database, mode));
    onProgress(`recovery: ${row.mode}, ${row.kills} kills, p50 ${row.p50_ms} ms, p99 ${row.p99_ms} ms`);
    return row;
  });
  return { modes: times };
}

async function measure(database: Database, { mode, lease, kills }: Mode): Promise<RecoveryTimes> {
  const creator = new Engine({ database });
  await creator.registerTemplates([HOLD]);
  const start = (): Promise<Member> => startMember(database.url, lease, mode);
  const pair = [await start(), await start()];
  const times: number[] = [];
  try {
    await repeated(kills + 1, async () => {
      const begun = Promise.race(pair.map((member) => member.says('started 1')));
      await creator.createTask({
        namespace_name: HOLD.namespace_name,
        name: HOLD.name,
        context: { n: times.length },
      });
      const victim = await begun;
      const survivor = pair.find((member) => member !== victim);
      if (!survivor) throw new Error('both engines were killed');
      times.push(await killAndWait(victim, survivor));
      pair.splice(pair.indexOf(victim), 1, await start());
    });
  } finally {
    for (const member of pair) member.child.kill('SIGKILL');
    await Promise.all(pair.map(({ gone }) => gone));
  }
  return summary(mode, lease, times.slice(1)); // the first one finds everything cold
}

async function killAndWait(victim: Member, survivor: Member): Promise<number> {
  const elsewhere = survivor.says('started 2');
  const start = performance.now();
  victim.child.kill('SIGKILL');
  await elsewhere;
  const ms = performance.now() - start;
  await victim.gone;
  return ms;
}

function summary(mode: RecoveryTimes['mode'], lease: number, times: readonly number[]): RecoveryTimes {
  return {
    mode,
    lease_seconds: lease,
    kills: times.length,
    p50_ms: rounded(percentile(times, 0.5)),
    p99_ms: rounded(percentile(times, 0.99)),
    worst_ms: rounded(Math.max(...times)),
  };
}

interface Member {
  readonly child: ChildProcess;
  readonly gone: Promise<unknown>;
  /** Resolves with the member when it says this line. */
  readonly says: (line: string) => Promise<Member>;
}

async function startMember(url: string, lease: number, mode: RecoveryTimes['mode']): Promise<Member> {
  const locks = mode === 'leases' ? 'off' : 'auto';
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, url, String(lease), locks], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout);
  const member: Member = {
    child,
    gone: once(child, 'exit'),
    says: (line) =>
      new Promise((resolve) => {
        const hear = (heard: string): void => {
          if (heard !== line) return;
          lines.off('line', hear);
          resolve(member);
        };
        lines.on('line', hear);
      }),
  };
  await Promise.race([
    member.says('ready'),
    member.gone.then(() => Promise.reject(new Error('an engine died'))),
  ]);
  return member;
}

function recoveryText({ modes }: RecoveryResult): string {
  const title = 'recovery: from kill -9 of an engine to its step running in another, in ms';
  const body = modes.map((row) => [
    row.mode,
    `${row.lease_seconds} s`,
    row.kills,
    row.p50_ms,
    row.p99_ms,
    row.worst_ms,
  ]);
  return `${title}\n${table(['by', 'lease', 'kills', 'p50', 'p99', 'worst'], body)}`;
}
