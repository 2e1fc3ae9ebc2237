// A program that serves handlers in an interpreter inside of this process, with messages in the place of bytes. The other
// side is treadle.native (Python) and Treadle::Native (Ruby); what crosses is written down in README.md.
import { z } from 'zod';
import { TreadleError } from '../../core/errors.ts';
import { Assignment, Cancel, Outcome, Progress } from '../../proto/gen/treadle/v1/worker.ts';
import { loadAddon, type AddonHost, type NativeLanguage } from './load.ts';
import { Lookout } from './lookout.ts';
import { MessageWriter } from './message-writer.ts';

/** As Python names them; Ruby knows the same. */
export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

export interface HostOptions {
  readonly language: NativeLanguage;
  /** Python modules, or Ruby files. */
  readonly modules: readonly string[];
  /** Of what is found only these are served. Default: all. */
  readonly handlers?: readonly string[] | undefined;
  /** Attempts at once. */
  readonly concurrency: number;
  readonly maxResultBytes: number;
  /** Python: a virtual environment. Default: the active one (VIRTUAL_ENV). Counts once for a process. */
  readonly environment?: string | undefined;
  /** Where modules are looked for first. */
  readonly directory: string;
  readonly logLevel: LogLevel;
  readonly logJson: boolean;
}

/** Told on the JavaScript thread what the program says. */
export interface HostListener {
  /** All outcomes that have gathered. */
  outcomes(outcomes: readonly Outcome[]): void;
  progress(progress: Progress): void;
  /** Handlers that were given up and still run: all of them, at each change. */
  deaf(handlers: readonly string[]): void;
  /** The program has ended, by `stop` or by itself. */
  ended(): void;
}

const introduction = z.object({
  language: z.string(),
  language_version: z.string(),
  package_version: z.string(),
  handlers: z.array(z.string()).min(1),
  on_loop: z.array(z.string()),
});
type Introduction = z.infer<typeof introduction>;
const deafness = z.object({ handlers: z.array(z.string()) });

const LANES = { jobs: 0, loop: 1, control: 2 } as const;
const KINDS = ['ready', 'outcome', 'progress', 'failed', 'ended', 'deaf'] as const;
type Kind = (typeof KINDS)[number];

export class NativeHost {
  readonly #host: AddonHost;
  readonly #listener: HostListener;
  readonly #ready: Promise<Introduction>;
  readonly #ended: Promise<void>;
  #onReady: (introduction: Introduction) => void = () => {};
  #onFailed: (error: Error) => void = () => {};
  #onEnded: () => void = () => {};
  #onLoop: ReadonlySet<string> = new Set();
  readonly #writer = new MessageWriter();
  readonly #lookout = new Lookout();

  private constructor(options: HostOptions, listener: HostListener) {
    this.#listener = listener;
    this.#ready = new Promise((resolve, reject) => {
      this.#onReady = resolve;
      this.#onFailed = reject;
    });
    this.#ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
    const { Host } = loadAddon(options.language);
    if (options.language === 'ruby') keepChildSignal();
    const environment = options.language === 'python' ? options.environment : undefined;
    this.#host = new Host(options.language, environment, programOptions(options), (answers) =>
      this.#hear(answers),
    );
  }

  /** Resolves when the modules are loaded. Rejects with `invalid_config` in one line when they cannot be. */
  static async start(options: HostOptions, listener: HostListener): Promise<[NativeHost, Introduction]> {
    const host = new NativeHost(options, listener);
    return [host, await host.#ready];
  }

  /** One attempt. Its outcome comes exactly once; no more may be open than `concurrency`. */
  assign(assignment: Assignment): void {
    const lane = this.#onLoop.has(assignment.handler) ? LANES.loop : LANES.jobs;
    this.#host.send(lane, this.#writer.bytesOf(Assignment, assignment));
    this.#lookout.sent();
  }

  cancel(cancel: Cancel): void {
    this.#host.send(LANES.control, this.#writer.bytesOf(Cancel, cancel));
  }

  /** Resolves when the program has ended. What its handlers still do is left to itself. */
  async stop(): Promise<void> {
    this.#host.stop();
    await this.#ended;
  }

  #hear(answers: readonly (number | Buffer)[]): void {
    const outcomes: Outcome[] = [];
    for (let place = 0; place < answers.length; place += 2) {
      const [kind, bytes] = [KINDS[answers[place] as number], answers[place + 1] as Buffer];
      if (kind === 'outcome') outcomes.push(Outcome.decode(bytes));
      else if (kind !== undefined) this.#take(kind, bytes);
    }
    if (outcomes.length === 0) return;
    this.#lookout.heard(outcomes.length);
    this.#listener.outcomes(outcomes);
  }

  #take(kind: Exclude<Kind, 'outcome'>, bytes: Buffer): void {
    switch (kind) {
      case 'ready':
        return this.#introduced(bytes);
      case 'progress':
        return this.#listener.progress(Progress.decode(bytes));
      case 'failed':
        return this.#onFailed(new TreadleError('invalid_config', bytes.toString()));
      case 'ended':
        this.#onFailed(new TreadleError('invalid_config', 'the program ended before it served anything'));
        this.#onEnded();
        return this.#listener.ended();
      case 'deaf':
        return this.#listener.deaf(deafness.parse(JSON.parse(bytes.toString())).handlers);
    }
  }

  #introduced(bytes: Buffer): void {
    const given = introduction.parse(JSON.parse(bytes.toString()));
    this.#onLoop = new Set(given.on_loop);
    this.#onReady(given);
  }
}

let keepsChildSignal = false;

/** Else libuv gives SIGCHLD back after the last child of Node, to nobody, and Ruby waits for its own for ever. */
function keepChildSignal(): void {
  if (!keepsChildSignal) process.on('SIGCHLD', () => {});
  keepsChildSignal = true;
}

function programOptions({ modules, concurrency, ...options }: HostOptions): string {
  return JSON.stringify({
    modules,
    concurrency,
    ...(options.handlers === undefined ? {} : { handlers: options.handlers }),
    max_result_bytes: options.maxResultBytes,
    app_dir: options.directory,
    log_level: options.logLevel,
    log_json: options.logJson,
  });
}
