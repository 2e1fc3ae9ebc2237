// An engine in a child process that is started again when it dies. Code that runs inside of it and is not JavaScript can
// take the process with it; what it was doing then, the next one takes back. The two speak over the channel that Node gives
// to a fork: the child says when it serves and when it ends, and ends itself when its supervisor is gone.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';

type Word = 'serving' | 'ending' | 'ending to start again';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
/** Who has lived so long begins with the first pause again. */
const LONG_LIFE_MS = 60_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** How long steps may take to end when a file has changed. */
const RELOAD_GRACE_MS = 2_000;

export interface SuperviseOptions {
  /** What the children are told beside what this process was told. */
  readonly flag: string;
  readonly log: Logger;
  /** Calls back with a file that has changed, after which the engine must start anew. Answers with the way out. */
  readonly watch?: (onChange: (file: string) => void) => () => void;
}

/** Runs this very command in children, one after the other, with one more flag. Resolves with the exit status of the last. */
export async function supervise({ watch, ...options }: SuperviseOptions): Promise<number> {
  const supervisor = new Supervisor(options, watch !== undefined);
  const pass = (signal: NodeJS.Signals): void => supervisor.signal(signal);
  for (const name of SIGNALS) process.on(name, pass);
  const unwatch = watch?.((file) => supervisor.reload(file));
  try {
    return await supervisor.run();
  } finally {
    unwatch?.();
    for (const name of SIGNALS) process.off(name, pass);
  }
}

interface Life {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last one. */
  readonly word: Word | undefined;
  readonly lastedMs: number;
}

class Supervisor {
  readonly #flag: string;
  readonly #log: Logger;
  readonly #reloads: boolean;
  readonly #stop = new AbortController();
  #child: ChildProcess | undefined;
  #hasServed = false;
  /** Aborts when a file changes that the child of this moment has loaded, or should have. */
  #change = new AbortController();
  #pauseMs = FIRST_PAUSE_MS;

  constructor({ flag, log }: SuperviseOptions, reloads: boolean) {
    this.#flag = flag;
    this.#log = log;
    this.#reloads = reloads;
  }

  signal(name: NodeJS.Signals): void {
    this.#stop.abort();
    this.#child?.kill(name);
  }

  reload(file: string): void {
    if (this.#change.signal.aborted) return;
    this.#log.info(`${file} has changed: starting again`);
    this.#change.abort();
    const child = this.#child;
    child?.kill('SIGTERM');
    setTimeout(() => child?.kill('SIGTERM'), RELOAD_GRACE_MS).unref(); // the second one tells it to hurry
  }

  async run(): Promise<number> {
    for (;;) {
      this.#change = new AbortController();
      const life = await this.#live();
      const goesOn = !this.#stop.signal.aborted && (await this.#goesOn(life));
      if (!goesOn || this.#stop.signal.aborted) return statusOf(life);
    }
  }

  /** Whether another one follows; resolves when it is time for it. */
  async #goesOn(life: Life): Promise<boolean> {
    const { status, signal, word } = life;
    if (this.#change.signal.aborted) return true;
    const died = signal !== null || word === 'serving';
    if (died || word === 'ending to start again') await this.#pauseAfter(life, died);
    else if (this.#reloads && this.#hasServed && status !== 0) await this.#untilChange(life);
    else return false;
    return true;
  }

  async #pauseAfter({ status, signal, lastedMs }: Life, died: boolean): Promise<void> {
    if (lastedMs > LONG_LIFE_MS) this.#pauseMs = FIRST_PAUSE_MS;
    const ms = this.#pauseMs;
    const what = died ? 'died' : 'ended for deaf handlers';
    this.#log.error({ status, signal }, `the engine's process ${what}; starting it again in ${ms} ms`);
    await pause(ms, undefined, { signal: this.#stop.signal }).catch(() => {});
    this.#pauseMs = Math.min(ms * 2, LONGEST_PAUSE_MS);
  }

  /** What was changed cannot be loaded, as its author reads above: the next change may mend it. */
  async #untilChange({ status }: Life): Promise<void> {
    this.#log.warn({ status }, 'the engine could not start again: waiting for a change');
    const either = AbortSignal.any([this.#change.signal, this.#stop.signal]);
    if (either.aborted) return;
    const idle = setInterval(() => {}, LONGEST_PAUSE_MS); // nothing else may keep this process
    await once(either, 'abort');
    clearInterval(idle);
  }

  /** One child, from its beginning to its end. */
  async #live(): Promise<Life> {
    const began = performance.now();
    const [, program = '', ...words] = process.argv;
    // in a group of its own: a terminal would send it Ctrl-C a second time
    const child = fork(program, [...words, this.#flag], { detached: true });
    this.#child = child;
    let word: Word | undefined;
    child.on('message', (said: Word) => {
      word = said;
      this.#hasServed = true;
    });
    const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return { status, signal, word, lastedMs: performance.now() - began };
  }
}

function statusOf({ status, signal }: Life): number {
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
