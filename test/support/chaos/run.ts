// One chaos run: a cluster, a fleet of engines, a script of what happens to them; then peace, until every task has ended;
// then the checker. Whatever happens, nothing is left running.
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { check } from './checker.ts';
import { Fleet } from './fleet.ts';
import { Hands } from './hands.ts';
import { readJournals } from './journal.ts';
import { scriptOf, sentenceOf, type Action, type ScriptOptions } from './script.ts';
import { ChaosServer } from './server.ts';
import { takeSnapshot, type Snapshot } from './snapshot.ts';

export interface ChaosOptions extends ScriptOptions {
  /** An empty directory: the cluster, journals and logs go there. */
  readonly directory: string;
  readonly concurrency: number;
  /** `off`: leases alone tell who is dead. */
  readonly sessionLocks?: 'auto' | 'off';
  /** How long the tasks may take to end once everything works again. */
  readonly patienceSeconds: number;
  readonly onProgress: (line: string) => void;
  /** Ends the run; it rejects when everything is cleared away. */
  readonly signal?: AbortSignal;
}

export interface ChaosResult {
  readonly seed: number;
  /** Sentences about what is broken; empty when all is well. */
  readonly findings: readonly string[];
  /** How often each kind of action had something to act on. */
  readonly actions: Readonly<Record<string, number>>;
  /** Tasks by the state in which they ended. */
  readonly tasks: Readonly<Record<string, number>>;
  readonly steps: number;
  readonly executions: number;
  /** Steps that were taken back from a dead worker. */
  readonly lost_steps: number;
  /** What the sweep had to mend, by trouble. Without vandals there should be next to nothing. */
  readonly mended: Readonly<Record<string, number>>;
  /** From the first action to the end of the last task. */
  readonly seconds: number;
}

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { directory, seed, leaseSeconds, concurrency, engines: size, sessionLocks = 'auto' } = options;
  const files = join(directory, 'files');
  mkdirSync(files, { recursive: true });
  chmodSync(directory, 0o755);
  const server = await ChaosServer.start(directory);
  const fleet = new Fleet({
    url: server.url,
    seed,
    leaseSeconds,
    concurrency,
    sessionLocks,
    size,
    directory: files,
  });
  const hands = new Hands(server.url, options);
  try {
    await hands.prepare();
    await fleet.startAll();
    return await new ChaosRun(options, { server, fleet, hands, files }).result();
  } finally {
    await fleet.killAll();
    await hands.close();
    await server.stop();
  }
}

interface Parts {
  readonly server: ChaosServer;
  readonly fleet: Fleet;
  readonly hands: Hands;
  readonly files: string;
}

class ChaosRun {
  readonly #options: ChaosOptions;
  readonly #parts: Parts;
  readonly #started = Date.now();
  readonly #actions: Record<string, number> = {};
  readonly #findings: string[] = [];
  /** One thing at a time happens to a process. */
  readonly #busy = new Set<number | 'postgres'>();

  constructor(options: ChaosOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
  }

  async result(): Promise<ChaosResult> {
    const { hands, fleet, files } = this.#parts;
    await this.#playScript();
    this.#say('the script is over; waiting for the tasks to end');
    await fleet.startAll();
    await this.#untilAllEnd();
    if (this.#findings.length === 0) await this.#judge();
    if ((await hands.resumeAll()) > 0) await this.#untilAllEnd();
    const seconds = (Date.now() - this.#started) / 1000;
    this.#findings.push(...(await fleet.stopAll()), ...fleet.deaths);
    const snapshot = await this.#judge();
    const lost = snapshot.stepMoves.filter(({ metadata }) => metadata['code'] === 'worker_lost');
    return {
      seed: this.#options.seed,
      findings: [...new Set(this.#findings)],
      actions: this.#actions,
      tasks: countOf(snapshot.tasks.map(({ state }) => state)),
      steps: snapshot.steps.length,
      executions: readJournals(files).length,
      lost_steps: lost.length,
      mended: mendedIn(files),
      seconds,
    };
  }

  async #judge(): Promise<Snapshot> {
    const { hands, files } = this.#parts;
    const [snapshot, executions] = [await takeSnapshot(hands.database), readJournals(files)];
    this.#findings.push(...check(snapshot, executions), ...(await hands.rebuildDifferences()));
    return snapshot;
  }

  async #playScript(): Promise<void> {
    const under: Promise<void>[] = [];
    const reporter = setInterval(() => void this.#reportProgress(), 5000);
    for (const { atMs, ...action } of scriptOf(this.#options)) {
      await this.#pause(Math.max(0, this.#started + atMs - Date.now()));
      under.push(this.#perform(action));
    }
    await Promise.all(under);
    clearInterval(reporter);
  }

  async #perform(action: Action): Promise<void> {
    try {
      const done = await this.#carryOut(action);
      if (done === undefined) return;
      this.#actions[action.kind] = (this.#actions[action.kind] ?? 0) + 1;
      this.#say(done === '' ? sentenceOf(action) : `${action.kind}: ${done}`);
    } catch (error) {
      this.#findings.push(
        `${sentenceOf(action)} failed: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  /** Undefined when there was nothing to do it to. */
  async #carryOut(action: Action): Promise<string | undefined> {
    const { fleet, server, hands } = this.#parts;
    switch (action.kind) {
      case 'kill engine':
      case 'terminate engine': {
        const signal = action.kind === 'kill engine' ? 'SIGKILL' : 'SIGTERM';
        return this.#alone(action.slot, async () => {
          await fleet.signal(action.slot, signal);
          await pause(action.backAfterMs);
          await fleet.start(action.slot);
        });
      }
      case 'stall engine':
        return this.#alone(action.slot, async () => {
          await fleet.signal(action.slot, 'SIGSTOP');
          await pause(action.forMs);
          await fleet.signal(action.slot, 'SIGCONT');
        });
      case 'kill postgres':
        return this.#alone('postgres', async () => {
          await server.kill();
          await pause(action.backAfterMs);
          await server.restart();
        });
      case 'cut connections':
        await hands.cutConnections(action.share);
        return '';
      case 'create tasks':
        await hands.createTasks(action.count);
        return '';
      default:
        return hands.act(action.kind, action.nth);
    }
  }

  async #alone(what: number | 'postgres', work: () => Promise<void>): Promise<string | undefined> {
    if (this.#busy.has(what)) return undefined;
    this.#busy.add(what);
    await work();
    this.#busy.delete(what);
    return '';
  }

  /** Waits until every task has ended or is paused: then nothing may still be under way. */
  async #untilAllEnd(): Promise<void> {
    const { hands } = this.#parts;
    const { patienceSeconds } = this.#options;
    const giveUp = Date.now() + patienceSeconds * 1000;
    for (let round = 1; ; round += 1) {
      const progress = await hands.progress();
      if (progress && progress.ended + progress.paused === progress.tasks && (await hands.isQuiet())) break;
      if (Date.now() > giveUp) {
        this.#findings.push(
          `not all tasks have ended after ${patienceSeconds} s of peace`,
          ...(await hands.explainOpenTasks()),
        );
        break;
      }
      if (round % 20 === 0) await this.#reportProgress();
      await this.#pause(250);
    }
    await this.#reportProgress();
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#options;
    return pause(ms, undefined, signal ? { signal } : {});
  }

  async #reportProgress(): Promise<void> {
    const progress = await this.#parts.hands.progress();
    const { tasks } = this.#options;
    this.#say(progress ? `${progress.ended} of ${tasks} tasks have ended` : 'Postgres is away');
  }

  #say(line: string): void {
    const seconds = ((Date.now() - this.#started) / 1000).toFixed(1).padStart(6);
    this.#options.onProgress(`${seconds} s  ${line}`);
  }
}

/** From the logs of the engines. */
function mendedIn(directory: string): Record<string, number> {
  const sums: Record<string, number> = {};
  const logs = readdirSync(directory).filter((name) => name.endsWith('.log'));
  for (const line of logs.flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))) {
    if (!line.includes('"troubles":')) continue;
    const { troubles } = JSON.parse(line) as { troubles: Record<string, number> };
    for (const [trouble, count] of Object.entries(troubles)) sums[trouble] = (sums[trouble] ?? 0) + count;
  }
  return sums;
}

function countOf(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
