// What the handlers themselves say that they did: one line per beginning and end of an execution, on disk before the
// handler goes on. Each process writes a file of its own, so that a kill can tear nothing that another one wrote.
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface Beginning {
  readonly event: 'begin';
  /** A name that no other execution has. */
  readonly execution: string;
  readonly task_id: number;
  readonly workflow_step_id: number;
  readonly attempt: number;
  /** For each parent the execution whose results were read; null when the parent left none. */
  readonly parents: Readonly<Record<string, string | null>>;
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface End {
  readonly event: 'end';
  readonly execution: string;
  /** What the handler was about to answer. */
  readonly answer: 'complete' | 'error';
  readonly at: number;
}

export class Journal {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a'); // O_APPEND
  }

  write(line: Beginning | End): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** One execution of a handler; without `end` it was killed, or never came to an end. */
export interface Execution extends Omit<Beginning, 'event'> {
  readonly end: End | undefined;
}

/** All executions that the files of a directory tell of, oldest first. */
export function readJournals(directory: string): Execution[] {
  const lines = readdirSync(directory)
    .filter((name) => name.endsWith('.journal'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Beginning | End);
  const ends = new Map(lines.flatMap((line) => (line.event === 'end' ? [[line.execution, line]] : [])));
  return lines
    .flatMap((line) => (line.event === 'begin' ? [{ ...line, end: ends.get(line.execution) }] : []))
    .toSorted((a, b) => a.at - b.at);
}
