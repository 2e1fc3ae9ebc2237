// Who calls over HTTP, and what that caller may do: a bearer token of the file of tokens, with permissions as the Rails engine names them
// (`tasker.task:index`) and namespaces. Without a file of tokens everybody on this machine may do everything.
import { hostname } from 'node:os';
import { TreadleError } from '../../core/errors.ts';
import type { Executor } from '../../sql/database.ts';
import { listNamespaces, namespaceOfTask } from '../../sql/details.ts';
import { tokenWith, within, type Token } from '../tokens.ts';
import { Problem } from './problem.ts';

export class Caller {
  readonly name: string;
  readonly #namespaces: readonly string[] | undefined;
  readonly #sees: (namespace: string) => boolean;

  constructor(name: string, namespaces: readonly string[] | undefined) {
    this.name = name;
    this.#namespaces = namespaces;
    this.#sees = within(namespaces);
  }

  sees(namespace: string): boolean {
    return this.#sees(namespace);
  }

  /** What lies outside of its namespaces is answered as if it were not there. Throws `unknown_task`. */
  async requireTask(db: Executor, taskId: number): Promise<void> {
    const namespace = await namespaceOfTask(db, taskId);
    if (namespace !== undefined && this.#sees(namespace)) return;
    throw new TreadleError('unknown_task', `there is no task ${taskId}`, { details: { task_id: taskId } });
  }

  /** Where the caller itself names a namespace it is told that it may not use it. */
  requireNamespace(namespace: string): void {
    if (!this.#sees(namespace)) throw forbidden(`${this.name} may not use the namespace ${namespace}`);
  }

  /** For what concerns all namespaces at once. */
  requireAll(what: string): void {
    if (this.#seesAll) return;
    throw forbidden(`${what}: ${this.name} does not see all namespaces`);
  }

  /** Those that a list is about. Undefined: any. */
  async namespaces(db: Executor, wanted: string | undefined): Promise<readonly string[] | undefined> {
    if (wanted !== undefined) return this.#sees(wanted) ? [wanted] : [];
    if (this.#seesAll) return undefined;
    return (await listNamespaces(db)).filter((namespace) => this.#sees(namespace));
  }

  get #seesAll(): boolean {
    return this.#namespaces === undefined || this.#namespaces.includes('*');
  }
}

/** @throws Problem 401 without a valid token, 403 without the permission */
export function callerOf(
  tokens: readonly Token[] | undefined,
  authorization: string | undefined,
  permission: string,
): Caller {
  if (tokens === undefined) return new Caller(hostname(), undefined);
  const secret = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  const token = secret === undefined ? undefined : tokenWith(tokens, secret);
  if (token === undefined) {
    throw new Problem(401, {
      error: 'Unauthorized',
      message: 'expected the header authorization: Bearer <token>',
    });
  }
  if (token.role !== 'client' || !within(token.permissions)(permission)) {
    throw forbidden(`the token ${token.name} lacks the permission ${permission}`);
  }
  return new Caller(token.name, token.scope);
}

function forbidden(message: string): Problem {
  return new Problem(403, { error: 'Forbidden', message });
}
