// Python inside of the process of a test, without an engine: one attempt after the other, or many at once, by hand.
import { dirname, join } from 'node:path';
import type { Json } from '../../core/json.ts';
import { NativeHost, type HostListener } from '../../bindings/native/native-host.ts';
import { Assignment, CancelReason, type Outcome, type Progress } from '../../proto/gen/treadle/v1/worker.ts';
import { nativeAddon } from '../../scripts/native-addon.ts';
import { python } from '../../scripts/toolchains.ts';
import { reasonToSkip } from '../parity/foreign-suite.ts';

export const NATIVE_HANDLERS = join(import.meta.dirname, '..', 'data', 'native');

/** The virtual environment of bindings/python, and an addon for its Python; under CI=true both must be there. */
export async function nativePython(): Promise<{ environment: string; skipped: string | undefined }> {
  const toolchain = await python({ install: 'packages' });
  const interpreter = toolchain.ok ? toolchain.python : '';
  const addon = toolchain.ok ? await nativeAddon('python', { install: 'packages', interpreter }) : toolchain;
  return { environment: dirname(dirname(interpreter)), skipped: reasonToSkip(addon) };
}

export interface Call {
  readonly outcome: Promise<Outcome>;
  /** Resolves when the handler reports progress: it runs. */
  readonly begun: Promise<Progress>;
  cancel(): void;
}

/** A program that serves handlers, and calls of them. */
export class NativeCalls implements HostListener {
  readonly #outcomes = new Map<string, (outcome: Outcome) => void>();
  readonly #begun = new Map<string, (progress: Progress) => void>();
  #host: NativeHost | undefined;
  #calls = 0;
  /** Handlers that were given up and still run. */
  deafNow: readonly string[] = [];

  static async start(options: Partial<Parameters<typeof NativeHost.start>[0]>): Promise<NativeCalls> {
    const calls = new NativeCalls();
    const given = {
      language: 'python',
      modules: ['native_handlers'],
      concurrency: 4,
      maxResultBytes: 16 * 1024 * 1024,
      directory: NATIVE_HANDLERS,
      logLevel: 'error',
      logJson: false,
      ...options,
    } as const;
    [calls.#host] = await NativeHost.start(given, calls);
    return calls;
  }

  call(handler: string, context: Json = {}): Call {
    const claim_token = `claim-${(this.#calls += 1)}`;
    const outcome = new Promise<Outcome>((resolve) => this.#outcomes.set(claim_token, resolve));
    const begun = new Promise<Progress>((resolve) => this.#begun.set(claim_token, resolve));
    const task = {
      task_id: 1,
      namespace_name: 'test',
      name: 'native',
      context_json: JSON.stringify(context),
    };
    this.#host?.assign(
      Assignment.fromPartial({ claim_token, handler, task, step_name: 'only', attempt: 1, retry_limit: 3 }),
    );
    const reason = CancelReason.TIMED_OUT;
    return { outcome, begun, cancel: () => this.#host?.cancel({ claim_token, reason, message: 'too slow' }) };
  }

  /** What the attempt completed with. */
  async results(handler: string, context: Json = {}): Promise<Json> {
    return resultsOf(await this.call(handler, context).outcome);
  }

  async stop(): Promise<void> {
    await this.#host?.stop();
  }

  outcomes(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      this.#outcomes.get(outcome.claim_token)?.(outcome);
      this.#outcomes.delete(outcome.claim_token);
      this.#begun.delete(outcome.claim_token);
    }
  }

  progress(progress: Progress): void {
    this.#begun.get(progress.claim_token)?.(progress);
  }

  deaf(handlers: readonly string[]): void {
    this.deafNow = handlers;
  }

  ended(): void {}
}

export function resultsOf({ result }: Outcome): Json {
  if (result?.$case !== 'completed') throw new Error(`expected results, came ${JSON.stringify(result)}`);
  return JSON.parse(result.value.results_json) as Json;
}
