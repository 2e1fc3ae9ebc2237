// Real Celery workers for tests, of two versions: the newest that pip has, and the oldest that we promise to work with. They
// are started as an operator starts them, listened to, and ended by signals.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, renameSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { run } from '../../scripts/programs.ts';
import { python } from '../../scripts/toolchains.ts';
import { reasonToSkip } from '../parity/foreign-suite.ts';

const toolchain = await python({ install: 'packages' });

/** Why tests with Celery cannot run here; undefined: they can. Under CI=true its absence is a failure. */
export const noCelery: string | undefined = reasonToSkip(toolchain);

const APP_FOLDER = join(import.meta.dirname, 'celery');
const LIBRARIES = join(import.meta.dirname, '..', '..', '.treadle', 'celery');

/** As Debian 12 has them. */
const OLDEST = ['celery==5.2.6', 'kombu==5.2.4', 'redis==4.3.4'];

/** A folder with Celery in it, for PYTHONPATH; undefined: that of the virtual environment. */
export type CeleryVersion = string | undefined;
export const newestCelery: CeleryVersion = undefined;

/** Some ten seconds the first time. Two at once do no harm: who comes second throws its copy away. */
export async function oldestCelery(): Promise<string> {
  const folder = join(LIBRARIES, OLDEST.join('_'));
  if (existsSync(folder)) return folder;
  mkdirSync(LIBRARIES, { recursive: true });
  const fresh = mkdtempSync(join(LIBRARIES, 'making-'));
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  const { ok, said } = await run(program(), [...pip, '--target', fresh, ...OLDEST]);
  if (!ok) throw new Error(`no Celery 5.2.6: ${said.trim().split('\n').at(-1) ?? ''}`);
  try {
    renameSync(fresh, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

export interface CeleryOptions {
  /** As Celery spells it: redis://, amqp://. */
  readonly brokerUrl: string;
  readonly queue: string;
  /** Where RunTask is called: one address, or several with commas. */
  readonly target: string;
  readonly version?: CeleryVersion;
  /** x-max-priority of the queue, where the worker declares it. */
  readonly maxPriority?: number;
  readonly concurrency?: number;
  /** Messages that a worker takes ahead, of each process. Default: 1. */
  readonly prefetch?: number;
  readonly transportOptions?: Readonly<Record<string, unknown>>;
  /** As `broker_use_ssl`. */
  readonly useSsl?: Readonly<Record<string, unknown>>;
}

export class CeleryWorker {
  /** All that it said: its log, and what tasks printed. */
  readonly lines: string[] = [];
  /** Resolves with the exit status, null when a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  #listeners: (() => void)[] = [];

  constructor(options: CeleryOptions) {
    const { concurrency = 4, queue } = options;
    const command = ['-m', 'celery', '-A', 'celery_app', 'worker', '-c', String(concurrency), '-Q', queue];
    const flags = ['--without-gossip', '--without-mingle', '--loglevel', 'info', '-n', `${queue}@%h`];
    // a group of its own: the children that it forks die with it
    this.#child = spawn(program(), [...command, ...flags], {
      env: environmentOf(options),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = once(this.#child, 'close').then(([status]) => status as number | null);
    const { stdout, stderr } = this.#child;
    for (const output of [stdout, stderr]) {
      if (output) createInterface(output).on('line', (line) => this.#hear(line));
    }
    void this.exited.then(() => this.#tell());
  }

  /** Resolves with the line once there is one that matches, also when it was there before. */
  async says(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.lines.find((each) => pattern.test(each));
      if (line !== undefined) return line;
      if (this.#hasEnded()) throw new Error(`Celery ended: ${this.lines.slice(-5).join(' | ')}`);
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
    }
  }

  /** As an operator ends it: jobs that run may end. */
  async stop(): Promise<void> {
    if (!this.#hasEnded()) this.#child.kill('SIGTERM');
    await this.exited;
  }

  /** All of its processes at once. */
  async kill(): Promise<void> {
    const { pid } = this.#child;
    if (pid !== undefined && !this.#hasEnded()) process.kill(-pid, 'SIGKILL');
    await this.exited;
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #hear(line: string): void {
    this.lines.push(line);
    this.#tell();
  }

  #tell(): void {
    for (const tell of this.#listeners.splice(0)) tell();
  }
}

/** A worker that takes jobs. The caller ends it. */
export async function startCelery(options: CeleryOptions): Promise<CeleryWorker> {
  const worker = new CeleryWorker(options);
  await worker.says(/MainProcess\] \S+ ready\.$/);
  return worker;
}

/**
 * A worker under a supervisor, as in production: one that ends by itself is started again. Celery over Redis does so when the
 * connection breaks in the very moment in which it acknowledges a job.
 */
export async function superviseCelery(options: CeleryOptions): Promise<Pick<CeleryWorker, 'stop' | 'kill'>> {
  let worker = await startCelery(options);
  let ending = false;
  const watch = async (): Promise<void> => {
    while (!ending) {
      await worker.exited;
      if (!ending) worker = new CeleryWorker(options);
    }
  };
  const watched = watch();
  const end = async (how: 'stop' | 'kill'): Promise<void> => {
    ending = true;
    await worker[how]();
    await watched;
  };
  return { stop: () => end('stop'), kill: () => end('kill') };
}

function environmentOf(options: CeleryOptions): NodeJS.ProcessEnv {
  const { brokerUrl, queue, target, version, maxPriority, useSsl } = options;
  const { prefetch = 1, transportOptions = {} } = options;
  return {
    ...process.env,
    PYTHONPATH: [APP_FOLDER, ...(version === undefined ? [] : [version])].join(delimiter),
    PYTHONUNBUFFERED: '1',
    BROKER_URL: brokerUrl,
    QUEUE: queue,
    TREADLE_TARGET: target,
    PREFETCH: String(prefetch),
    TRANSPORT_OPTIONS: JSON.stringify(transportOptions),
    ...(maxPriority === undefined ? {} : { MAX_PRIORITY: String(maxPriority) }),
    ...(useSsl === undefined ? {} : { BROKER_USE_SSL: JSON.stringify(useSsl) }),
  };
}

function program(): string {
  if (!toolchain.ok) throw new Error(toolchain.why);
  return toolchain.python;
}
