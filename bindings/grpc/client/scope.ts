// What the token of a caller lets it see. What lies outside of its namespaces is answered as if it were not there; only
// where the caller itself names a namespace is it told that it may not use it.
import { status } from '@grpc/grpc-js';
import { TreadleError } from '../../../core/errors.ts';
import type { Executor } from '../../../sql/database.ts';
import { listNamespaces, namespaceOfStep, namespaceOfTask } from '../../../sql/details.ts';
import type { ClientAccess } from '../access.ts';
import { Refusal } from '../refusal.ts';

export class ClientScope {
  readonly #db: Executor;
  readonly #access: ClientAccess;

  constructor(db: Executor, access: ClientAccess) {
    this.#db = db;
    this.#access = access;
  }

  /** Who acts when the request does not say it. */
  get name(): string {
    return this.#access.name;
  }

  sees(namespace: string): boolean {
    return this.#access.mayUse(namespace);
  }

  /** @throws TreadleError `unknown_task` */
  async requireTask(taskId: number): Promise<void> {
    const namespace = await namespaceOfTask(this.#db, taskId);
    if (namespace === undefined || !this.#access.mayUse(namespace)) throw unknownTask(taskId);
  }

  /** @throws TreadleError `unknown_step` */
  async requireStep(stepId: number): Promise<void> {
    const namespace = await namespaceOfStep(this.#db, stepId);
    if (namespace !== undefined && this.#access.mayUse(namespace)) return;
    const details = { workflow_step_id: stepId };
    throw new TreadleError('unknown_step', `there is no workflow step ${stepId}`, { details });
  }

  /** Says nothing of whether the namespace exists. @throws Refusal PERMISSION_DENIED */
  requireNamespace(namespace: string): void {
    if (this.#access.mayUse(namespace)) return;
    const words = `the token ${this.name} may not use the namespace ${namespace}`;
    throw new Refusal(status.PERMISSION_DENIED, words);
  }

  /** For what concerns all namespaces at once. @throws Refusal PERMISSION_DENIED */
  requireAll(what: string): void {
    if (this.#seesAll) return;
    throw new Refusal(
      status.PERMISSION_DENIED,
      `${what}: the token ${this.name} does not see all namespaces`,
    );
  }

  /** Those that a list is about: the one that is asked for, or all that the caller may see. Undefined: any. */
  async namespaces(wanted?: string): Promise<readonly string[] | undefined> {
    if (wanted !== undefined) return this.#access.mayUse(wanted) ? [wanted] : [];
    if (this.#seesAll) return undefined;
    return (await listNamespaces(this.#db)).filter((namespace) => this.#access.mayUse(namespace));
  }

  get #seesAll(): boolean {
    const { namespaces } = this.#access;
    return namespaces === undefined || namespaces.includes('*');
  }
}

export function unknownTask(taskId: number): TreadleError {
  return new TreadleError('unknown_task', `there is no task ${taskId}`, { details: { task_id: taskId } });
}
