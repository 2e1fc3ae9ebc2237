// How a command fails: one line on stderr (`treadle: ...`; lists of problems keep a line each), or one JSON document with
// --json, and the exit status of the error's code. Stacks are for --debug.
import { CommanderError } from 'commander';
import { ERROR_CODES, TreadleError, type ErrorCode } from '../core/errors.ts';

export const FAILED = 1;
export const BAD_ARGUMENTS = 2;
export const INTERRUPTED = 130;

export interface ErrorOutput {
  readonly json: boolean;
  readonly debug: boolean;
  readonly write: (text: string) => void;
}

/** Ends a command with a status after it has said everything itself. */
export class ExitStatus extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit status ${status}`);
    this.status = status;
  }
}

/** Reports what was thrown and returns the exit status. */
export function reportError(thrown: unknown, output: ErrorOutput): number {
  if (thrown instanceof ExitStatus) return thrown.status;
  if (thrown instanceof CommanderError && hasSaidItself(thrown))
    return thrown.exitCode === 0 ? 0 : BAD_ARGUMENTS;
  const { code, message, details, status } = described(thrown);
  if (output.json) output.write(`${JSON.stringify({ error: { code, message, details } })}\n`);
  else output.write(`treadle: ${message}\n`);
  if (output.debug && thrown instanceof Error) output.write(`${stackOf(thrown)}\n`);
  return status;
}

interface Described {
  readonly code: ErrorCode | 'unexpected';
  readonly message: string;
  readonly details: object;
  readonly status: number;
}

function described(thrown: unknown): Described {
  if (thrown instanceof TreadleError) {
    const { code, message, details } = thrown;
    return { code, message, details, status: ERROR_CODES[code] };
  }
  if (thrown instanceof CommanderError) {
    return { code: 'invalid_argument', message: oneLine(thrown.message), details: {}, status: BAD_ARGUMENTS };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'unexpected', message: `${message} (--debug shows where)`, details: {}, status: FAILED };
}

/** --help, --version, and the help that stands in for a missing command. */
function hasSaidItself({ code, exitCode }: CommanderError): boolean {
  return exitCode === 0 || code === 'commander.help';
}

/** `error: unknown option '--jsn'\n(Did you mean --json?)` as one line of ours. */
function oneLine(message: string): string {
  return message
    .replace(/^error: (command-argument )?/, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ');
}

function stackOf(error: Error): string {
  const stack = error.stack ?? String(error);
  return error.cause instanceof Error ? `${stack}\ncaused by: ${stackOf(error.cause)}` : stack;
}
