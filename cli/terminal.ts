// Where a command writes: results to stdout, everything about how it goes to stderr. With --json results are JSON and
// nothing else reaches stdout; colours only on a terminal that wants them.
import type { WriteStream } from 'node:tty';
import pc from 'picocolors';

export type Colors = ReturnType<typeof pc.createColors>;

type Output = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>>;

export class Terminal {
  readonly json: boolean;
  readonly out: Output;
  readonly err: Output;
  /** Of stdout. */
  readonly colors: Colors;

  constructor(json: boolean, out: Output = process.stdout, err: Output = process.stderr) {
    this.json = json;
    this.out = out;
    this.err = err;
    this.colors = pc.createColors(pc.isColorSupported && out.isTTY === true);
  }

  /** Whether a person watches stdout. */
  get isInteractive(): boolean {
    return this.out.isTTY === true && !this.json;
  }

  get width(): number {
    return this.out.columns || 120; // a terminal without a size says 0
  }

  /** A result for people. Silent with --json. */
  print(text = ''): void {
    if (!this.json) this.out.write(`${text}\n`);
  }

  /** A result for programs: one JSON document on one line. Silent without --json. */
  printJson(value: unknown): void {
    if (this.json) this.out.write(`${JSON.stringify(value)}\n`);
  }

  /** What goes on, for people. Silent with --json. */
  note(text: string): void {
    if (!this.json) this.err.write(`${text}\n`);
  }
}

/** `| head` closes our stdout when it has seen enough; that is no failure. */
export function endQuietlyWhenNobodyReads(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
}

/** Ends the process once everything written has left it; open handles of an app must not keep it. */
export async function endProcess(status: number): Promise<never> {
  await Promise.all([process.stdout, process.stderr].map(flushed));
  process.exit(status);
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}
