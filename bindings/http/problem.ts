// What goes wrong over HTTP, in the shapes of the Rails engine: `{error}` with a sentence or with messages by field.
import type { z } from 'zod';
import { TreadleError, type ErrorCode } from '../../core/errors.ts';

export class Problem extends Error {
  readonly status: number;
  readonly body: object;

  constructor(status: number, body: object) {
    super(JSON.stringify(body));
    this.name = 'Problem';
    this.status = status;
    this.body = body;
  }
}

const STATUSES: Readonly<Partial<Record<ErrorCode, number>>> = {
  invalid_argument: 422,
  invalid_context: 400,
  invalid_template: 400,
  unknown_task: 404,
  unknown_step: 404,
  unknown_template: 404,
  unknown_handler: 404,
  unlawful_transition: 409,
  stale_state: 409,
  database_unavailable: 503,
  queue_unavailable: 503,
};

/** The answer to an error; undefined when it is none that a caller could understand. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (!(error instanceof TreadleError)) return undefined;
  const status = STATUSES[error.code];
  return status === undefined
    ? undefined
    : new Problem(status, { error: error.message, code: error.code, details: error.details });
}

export function notFound(message: string): Problem {
  return new Problem(404, { error: message });
}

/** Messages by field, as Rails validations give them. */
export function unfit(status: number, issues: readonly z.core.$ZodIssue[]): Problem {
  const error: Record<string, string[]> = {};
  for (const { path, message } of issues) (error[path.map(String).join('.') || 'base'] ??= []).push(message);
  return new Problem(status, { error });
}
