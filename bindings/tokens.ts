// The file of tokens: who may call, as what, and how far. Checked as a whole when the server is made, so that a mistake in
// it is a line at the start of the process and never a door that stands open. The comparison of a secret takes the same time whatever
// is presented: hashes of equal length, and all entries are looked at.
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { TreadleError } from '../core/errors.ts';

export const ROLES = ['worker', 'client'] as const;
export type Role = (typeof ROLES)[number];

/** A token as it is kept in memory: never in clear. */
export interface Token {
  readonly name: string;
  readonly role: Role;
  readonly sha256: Buffer;
  /** Globs of the handlers (worker) or namespaces (client) that it may use; undefined: all. */
  readonly scope: readonly string[] | undefined;
  /** Globs of what a client may do over HTTP, as `tasker.task:*`; undefined: all. */
  readonly permissions?: readonly string[] | undefined;
}

const globs = z.array(z.string().min(1).max(255)).min(1, 'expected at least one; leave it out to allow all');

const entry = z
  .strictObject({
    name: z.string().min(1).max(128),
    role: z.enum(ROLES, `expected one of ${ROLES.join(', ')}`),
    token: z
      .string()
      .min(16, 'expected at least 16 characters')
      .regex(/^\S+$/, 'expected no spaces')
      .optional(),
    token_sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, 'expected 64 hexadecimal digits')
      .optional(),
    handlers: globs.optional(),
    namespaces: globs.optional(),
    permissions: globs.optional(),
  })
  .refine(({ token, token_sha256 }) => (token === undefined) !== (token_sha256 === undefined), {
    error: 'expected exactly one of token and token_sha256',
  })
  .refine(({ role, handlers }) => role === 'worker' || handlers === undefined, {
    path: ['handlers'],
    error: 'only tokens of workers have handlers: use namespaces for a client',
  })
  .refine(({ role, namespaces }) => role === 'client' || namespaces === undefined, {
    path: ['namespaces'],
    error: 'only tokens of clients have namespaces: use handlers for a worker',
  })
  .refine(({ role, permissions }) => role === 'client' || permissions === undefined, {
    path: ['permissions'],
    error: 'only tokens of clients have permissions',
  });

const file = z.array(entry, 'expected a list of tokens').min(1, 'expected at least one token');

/**
 * Reads a file of tokens, YAML or JSON.
 * @throws TreadleError `invalid_config`: a line for each mistake. No line shows a token.
 */
export function readTokens(path: string): readonly Token[] {
  const parsed = file.safeParse(contentOf(path), { reportInput: false });
  if (!parsed.success) throw mistaken(path, parsed.error.issues.map(lineOf));
  const tokens = parsed.data.map(tokenOf);
  const repeated = tokens.find((token, at) => tokens.findIndex((other) => isSame(token, other)) < at);
  if (repeated) throw mistaken(path, [`${repeated.name}: expected names and tokens that occur once`]);
  return tokens;
}

export function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function tokenOf(given: z.infer<typeof entry>): Token {
  const { name, role, token, token_sha256, handlers, namespaces, permissions } = given;
  const hash = token === undefined ? Buffer.from(token_sha256 ?? '', 'hex') : sha256(token);
  return { name, role, sha256: hash, scope: role === 'worker' ? handlers : namespaces, permissions };
}

/** The token with this secret, if any. */
export function tokenWith(tokens: readonly Token[], secret: string): Token | undefined {
  const presented = sha256(secret);
  let match: Token | undefined;
  for (const token of tokens) if (timingSafeEqual(token.sha256, presented)) match = token;
  return match;
}

/** Whether a name fits one of the globs, in which `*` stands for any characters. Undefined: all do. */
export function within(scope: readonly string[] | undefined): (name: string) => boolean {
  if (scope === undefined) return () => true;
  const patterns = scope.map((glob) => new RegExp(`^${glob.split('*').map(literally).join('.*')}$`, 's'));
  return (name) => patterns.some((pattern) => pattern.test(name));
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}

function isSame(one: Token, other: Token): boolean {
  return one.name === other.name || one.sha256.equals(other.sha256);
}

function contentOf(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new TreadleError('invalid_config', `the tokens file ${path} cannot be read (${reason})`, { cause });
  }
  try {
    return parse(text);
  } catch {
    // the message of the parser would show the line, and with it a token
    throw mistaken(path, ['expected YAML or JSON']);
  }
}

function lineOf({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`;
}

function mistaken(path: string, problems: readonly string[]): TreadleError {
  const lines = problems.map((problem) => `the tokens file ${path}: ${problem}`);
  return new TreadleError('invalid_config', lines.join('\n'), { details: { problems } });
}
