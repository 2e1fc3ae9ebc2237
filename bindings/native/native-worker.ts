// Python or Ruby handlers inside of this process, as a worker that is connected to the engine: what a gRPC stream is to a
// worker process, with a queue in memory in the place of the wire. Slots are credits: one is granted for each outcome.
import type { Logger } from 'pino';
import type { Assignment, ConnectedWorker, StopCause, WorkerLink } from '../../engine/connected-worker.ts';
import type { Outcome, Progress } from '../../proto/gen/treadle/v1/worker.ts';
import { answerOf } from '../grpc/worker/answers.ts';
import { wireAssignment } from '../grpc/worker/assignments.ts';
import { inputTooLarge, progressOf } from '../grpc/worker/attempt-words.ts';
import { CANCEL_REASONS } from '../grpc/worker/cancel-reasons.ts';
import type { NativeLanguage } from './load.ts';
import { NativeHost, type HostOptions, type LogLevel } from './native-host.ts';

export type { LogLevel };

/** What it needs of an engine. */
export interface NativeEngine {
  connect(link: WorkerLink): ConnectedWorker;
}

export interface NativeWorkerOptions {
  readonly language: NativeLanguage;
  /** Python modules (`app.handlers`) or Ruby files (`./handlers.rb`). */
  readonly modules: readonly string[];
  /** Of the handlers that are found there, only these. Default: all. */
  readonly handlers?: readonly string[] | undefined;
  /** Attempts at once. Default: 16. */
  readonly concurrency?: number | undefined;
  /** Python: a virtual environment. Default: the active one (VIRTUAL_ENV). */
  readonly environment?: string | undefined;
  /** Where modules are looked for first. Default: the working directory. */
  readonly directory?: string | undefined;
  /** Bytes of JSON that the results of a step may have. Default: 4 MiB. */
  readonly maxResultBytes?: number | undefined;
  readonly logLevel?: LogLevel | undefined;
  readonly logJson?: boolean | undefined;
  /** Told, at each change, which handlers were given up and still run: restart the process while there are any. */
  readonly onDeaf?: ((handlers: readonly string[]) => void) | undefined;
  readonly log: Logger;
}

/** `treadle.native` reads it as a number of its own, as everything that crosses does. */
const MAX_RESULT_BYTES = 4 * 1024 * 1024;
const DEAF = 'a native handler is deaf: restart this process';
const LARGEST_INPUT_BYTES = 2 ** 31 - 1;

export class NativeWorker {
  readonly #options: NativeWorkerOptions;
  readonly #maxResultBytes: number;
  #host: NativeHost | undefined;
  #worker: ConnectedWorker | undefined;
  #stopping = false;
  /** Claims whose attempts run, and whether the engine still waits for them. */
  readonly #held = new Map<string, boolean>();
  #handlers: readonly string[] = [];
  #deaf: readonly string[] = [];

  private constructor(options: NativeWorkerOptions) {
    this.#options = options;
    this.#maxResultBytes = options.maxResultBytes ?? MAX_RESULT_BYTES;
  }

  /**
   * Starts the interpreter and loads the modules. An interpreter is started once in a process and serves one worker at a time.
   * @throws TreadleError `invalid_config`: no addon, or modules that cannot be loaded.
   */
  static async start(options: NativeWorkerOptions): Promise<NativeWorker> {
    const worker = new NativeWorker(options);
    await worker.#start();
    return worker;
  }

  get language(): NativeLanguage {
    return this.#options.language;
  }

  /** Those that it serves. */
  get handlers(): readonly string[] {
    return this.#handlers;
  }

  /** Those that were told to stop, were given up, and still run. */
  get deaf(): readonly string[] {
    return this.#deaf;
  }

  /** From now on the engine gives steps to it. */
  connect(engine: NativeEngine): void {
    const { language, concurrency = 16 } = this.#options;
    this.#worker = engine.connect({
      name: `native-${language}`,
      language,
      runtime: `native-${language}`,
      handlers: this.#handlers,
      assign: (assignments) => this.#assign(assignments),
      cancel: (claimToken, cause, message) => this.#cancel(claimToken, cause, message),
      drain: () => {}, // the engine asks it for nothing more
      trouble: () => this.#trouble(),
    });
    this.#worker.grant(concurrency);
  }

  /** After the engine has stopped: what runs then has been given back. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#host?.stop();
  }

  async #start(): Promise<void> {
    const { log, language } = this.#options;
    const [host, introduction] = await NativeHost.start(this.#hostOptions(), {
      outcomes: (outcomes) => this.#answer(outcomes),
      progress: (progress) => this.#progress(progress),
      deaf: (handlers) => this.#hearDeaf(handlers),
      ended: () => this.#ended(),
    });
    this.#host = host;
    this.#handlers = introduction.handlers;
    const { language_version, package_version, handlers } = introduction;
    log.info({ language, language_version, package_version, handlers }, 'handlers run in this process');
  }

  #hostOptions(): HostOptions {
    const { language, modules, handlers, concurrency = 16 } = this.#options;
    const { environment, directory = process.cwd(), logLevel = 'info', logJson = false } = this.#options;
    const maxResultBytes = this.#maxResultBytes;
    return {
      language,
      modules,
      handlers,
      concurrency,
      environment,
      directory,
      logLevel,
      logJson,
      maxResultBytes,
    };
  }

  #assign(assignments: readonly Assignment[]): void {
    for (const assignment of assignments) {
      const { claim_token, workflow_step_id } = assignment.step;
      try {
        if (assignment.step.parent_results === null) throw new RangeError('results that no string can hold');
        this.#held.set(claim_token, true);
        this.#host?.assign(wireAssignment(assignment).message);
      } catch (error) {
        this.#options.log.error({ err: error, workflow_step_id }, 'a step cannot be put into a message');
        this.#held.delete(claim_token);
        this.#worker?.answer(claim_token, { kind: 'outcome', outcome: inputTooLarge(LARGEST_INPUT_BYTES) });
        this.#worker?.grant(1);
      }
    }
  }

  #cancel(claim_token: string, cause: StopCause, message: string): void {
    if (!this.#held.has(claim_token)) return;
    if (cause !== 'engine_stopping') this.#held.set(claim_token, false);
    this.#host?.cancel({ claim_token, reason: CANCEL_REASONS[cause], message });
  }

  /** A slot is free also when nobody waits for its answer any more. */
  #answer(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      const { claim_token } = outcome;
      const isAwaited = this.#held.get(claim_token) === true;
      this.#held.delete(claim_token);
      if (!isAwaited) continue;
      const answer = answerOf(outcome, this.#maxResultBytes) ?? ({ kind: 'released' } as const);
      this.#worker?.answer(claim_token, answer);
    }
    this.#worker?.grant(outcomes.length);
  }

  #progress(progress: Progress): void {
    this.#worker?.progress(progress.claim_token, progressOf(progress));
  }

  #hearDeaf(handlers: readonly string[]): void {
    const { log, language, onDeaf } = this.#options;
    if (handlers.length > this.#deaf.length) log.error({ language, handlers }, DEAF);
    else if (handlers.length === 0) log.info({ language }, 'the native handlers that were deaf have ended');
    this.#deaf = handlers;
    onDeaf?.(handlers);
  }

  #trouble(): string | undefined {
    if (this.#deaf.length === 0) return undefined;
    return `${DEAF} (${this.#options.language}: ${this.#deaf.join(', ')})`;
  }

  #ended(): void {
    if (this.#stopping) return;
    this.#held.clear();
    this.#worker?.lost('its program has ended');
  }
}
