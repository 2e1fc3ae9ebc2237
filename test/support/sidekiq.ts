// Real Sidekiq processes for tests: started as an operator starts them, listened to, ended by signals.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { sidekiq } from '../../scripts/toolchains.ts';
import { noRedis } from './redis.ts';

const toolchain = await sidekiq({ install: 'packages' });

/** Why tests with Sidekiq cannot run here; undefined: they can. Under CI=true its absence is a failure. */
export const noSidekiq: string | undefined = toolchain.ok ? noRedis : absence(toolchain.why);

function absence(why: string): string {
  if (process.env['CI'] === 'true') throw new Error(why);
  process.stderr.write(`skipped: ${why}\n`);
  return why;
}

const LIBRARY = join(import.meta.dirname, '..', '..', 'bindings', 'ruby', 'lib');

export interface SidekiqOptions {
  readonly redisUrl: string;
  /** Where RunTask is called: one address, or several with commas. */
  readonly target?: string;
  /** In the folder sidekiq/. Default: our job classes. */
  readonly file?: string;
  /** Looked at in this order. */
  readonly queues?: readonly string[];
  readonly concurrency?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export class SidekiqProcess {
  readonly #lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #ended = false;
  #listeners: (() => void)[] = [];

  constructor(options: SidekiqOptions) {
    this.#child = spawnRuby(['-S', 'sidekiq', ...flags(options)], options);
    this.#exited = once(this.#child, 'close');
    const { stdout, stderr } = this.#child;
    for (const output of [stdout, stderr]) {
      if (output) createInterface(output).on('line', (line) => this.#hear(line));
    }
    void this.#exited.then(() => {
      this.#ended = true;
      this.#tell();
    });
    onTestFinished(() => this.kill());
  }

  /** Resolves with the line once it printed or logged one that matches, also when it has before. */
  async says(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.#lines.find((each) => pattern.test(each));
      if (line !== undefined) return line;
      if (this.#ended) throw new Error(`Sidekiq ended: ${this.#lines.slice(-5).join(' | ')}`);
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
    }
  }

  /** As an operator ends it: jobs that run may end. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#exited;
  }

  #hear(line: string): void {
    this.#lines.push(line);
    this.#tell();
  }

  #tell(): void {
    for (const tell of this.#listeners.splice(0)) tell();
  }
}

/** A Sidekiq that takes jobs. It ends with the test at the latest. */
export async function startSidekiq(options: SidekiqOptions): Promise<SidekiqProcess> {
  const process = new SidekiqProcess(options);
  await process.says(/^ready$/);
  return process;
}

/** Runs a script of Ruby against this Redis to its end, as an application that enqueues jobs. Resolves with what it printed. */
export async function runRuby(script: string, options: SidekiqOptions): Promise<string> {
  const child = spawnRuby(['-e', script], options);
  let said = '';
  for (const output of [child.stdout, child.stderr]) output?.on('data', (part) => (said += String(part)));
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`ruby ended with ${status}: ${said}`);
  return said;
}

function flags({
  file = 'worker.rb',
  queues = ['default'],
  concurrency = 10,
}: SidekiqOptions): readonly string[] {
  const path = join(import.meta.dirname, 'sidekiq', file);
  return ['-r', path, '-c', String(concurrency), ...queues.flatMap((queue) => ['-q', queue])];
}

function spawnRuby(args: readonly string[], { redisUrl, target, env }: SidekiqOptions): ChildProcess {
  return spawn(toolchain.ok ? toolchain.ruby : 'ruby', args, {
    env: {
      ...process.env,
      RUBYLIB: LIBRARY,
      REDIS_URL: redisUrl,
      ...(target === undefined ? {} : { TREADLE_TARGET: target }),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
