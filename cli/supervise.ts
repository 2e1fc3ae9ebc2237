// An engine in a child process that is started again when it dies. Code that runs inside of it and is not JavaScript can
// take the process with it; what it was doing then, the next one takes back. The two speak over the channel that Node gives
// to a fork: the child says when it serves and when it ends, and ends itself when its supervisor is gone.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';

type Word = 'serving' | 'ending';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
/** Who has lived so long begins with the first pause again. */
const LONG_LIFE_MS = 60_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs this very command in children, one after the other, with one more flag. Resolves with the exit status of the last. */
export async function supervise(flag: string, log: Logger): Promise<number> {
  const supervisor = new Supervisor(flag, log);
  const pass = (signal: NodeJS.Signals): void => supervisor.signal(signal);
  for (const name of SIGNALS) process.on(name, pass);
  try {
    return await supervisor.run();
  } finally {
    for (const name of SIGNALS) process.off(name, pass);
  }
}

class Supervisor {
  readonly #flag: string;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #child: ChildProcess | undefined;

  constructor(flag: string, log: Logger) {
    this.#flag = flag;
    this.#log = log;
  }

  signal(name: NodeJS.Signals): void {
    this.#stop.abort();
    this.#child?.kill(name);
  }

  async run(): Promise<number> {
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const began = performance.now();
      const { status, signal, word } = await this.#live();
      const died = signal !== null || word === 'serving';
      if (!died || this.#stop.signal.aborted) return statusOf(status, signal);
      if (performance.now() - began > LONG_LIFE_MS) pauseMs = FIRST_PAUSE_MS;
      this.#log.error({ status, signal }, `the engine's process died; starting it again in ${pauseMs} ms`);
      await pause(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => {});
      if (this.#stop.signal.aborted) return statusOf(status, signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** One child, from its beginning to its end. */
  async #live() {
    const [, program = '', ...words] = process.argv;
    // in a group of its own: a terminal would send it Ctrl-C a second time
    const child = fork(program, [...words, this.#flag], { detached: true });
    this.#child = child;
    let word: Word | undefined;
    child.on('message', (said: Word) => {
      word = said;
    });
    const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return { status, signal, word };
  }
}

function statusOf(status: number | null, signal: NodeJS.Signals | null): number {
  return status ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

/** In the child: what the supervisor must know. Nothing without one. */
export function tellSupervisor(word: Word): void {
  if (process.connected) process.send?.(word);
}

/** In the child: without a supervisor nobody would start another one, nor stop this one. */
export function endWithSupervisor(): void {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
}
