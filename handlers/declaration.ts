// Holds what comes in and goes out of a handler to the zod schemas that its class declares. What fails here is the
// fault of a template, a task or a handler, so trying again cannot help.
import type { z } from 'zod';
import type { FailureCode } from '../core/outcome.ts';

/** The schemas a handler class may declare as statics. */
export interface HandlerSchemas {
  readonly config?: z.ZodType | undefined;
  readonly context?: z.ZodType | undefined;
  readonly needs?: z.ZodType | undefined;
  readonly output?: z.ZodType | undefined;
}

/** A value does not fit what the handler declared. */
export class DeclarationError extends Error {
  readonly failureCode: FailureCode;

  constructor(failureCode: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DeclarationError';
    this.failureCode = failureCode;
  }
}

/** The value as its schema makes it (defaults, coercions), or the value itself when there is no schema. */
export async function conform(
  schema: z.ZodType | undefined,
  value: unknown,
  refusal: { readonly code: FailureCode; readonly what: string },
): Promise<unknown> {
  if (schema === undefined) return value;
  const parsed = await schema.safeParseAsync(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const place = [refusal.what, ...issue.path.map(String)].join('.');
    return `${place}: ${issue.message}`;
  });
  throw new DeclarationError(refusal.code, problems.join('; '));
}
