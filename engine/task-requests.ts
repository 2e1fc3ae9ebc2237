// Creating tasks: contexts checked at the border, identities made, rows and queue jobs in one transaction (ours, or the
// application's own).
import { correlationId } from '../core/correlation.ts';
import { TreadleError } from '../core/errors.ts';
import { identityHash } from '../core/identity.ts';
import type { Json } from '../core/json.ts';
import { LONGEST_DEADLINE_SECONDS } from '../core/template/deadline.ts';
import { DEFAULTS, LIMITS, type IdentityStrategy } from '../core/vocabulary.ts';
import { borrow, type BorrowedTransaction } from '../sql/borrowed.ts';
import type { Database, Executor } from '../sql/database.ts';
import { createTasks, type CreatedTask, type TaskRow } from '../sql/tasks.ts';
import { dedupeKey, type QueueAdapter, type TaskJob } from './queue/adapter.ts';
import type { RegisteredTemplate, Templates } from './templates.ts';

/** What a caller asks for. Keys are those of the Rails engine's TaskRequest. */
export interface TaskRequest {
  readonly name: string;
  readonly namespace_name?: string | undefined;
  /** Default: the latest, by number. */
  readonly version?: string | undefined;
  /** A non-empty JSON object that fits the template's schema. */
  readonly context: unknown;
  readonly initiator?: string | undefined;
  readonly source_system?: string | undefined;
  readonly reason?: string | undefined;
  /** The tag `correlation_id:<value>` names the task in the logs of the queue (1 to 128 printable ASCII characters). */
  readonly tags?: readonly string[] | undefined;
  /** Names of skippable steps that this task does without. */
  readonly bypass_steps?: readonly string[] | undefined;
  readonly requested_at?: Date | undefined;
  /** Earliest start; default: now. */
  readonly run_at?: Date | undefined;
  /** Until when the task must have ended; what has not ended then ends in error. Default: what `deadline_seconds` says. */
  readonly deadline_at?: Date | undefined;
  /** The same in seconds from its earliest start. Default: the template's `deadline_seconds`, else no limit. */
  readonly deadline_seconds?: number | undefined;
  /** Default: `key` with an identity_key, else what the template says, else `uuid` (no two tasks are the same). */
  readonly identity_strategy?: IdentityStrategy | undefined;
  /** The caller's own key, unique in the database. A second task with the same key is the first one. */
  readonly identity_key?: string | undefined;
}

export interface CreateOptions {
  /** The application's own transaction: the task and its job commit or vanish with it. */
  readonly client?: BorrowedTransaction | undefined;
}

export interface TaskCreatorOptions {
  readonly database: Database;
  readonly templates: Templates;
  readonly queue: QueueAdapter;
  /** Wake-ups were written and committed: hand them to the queue. */
  readonly onWakeups: () => void;
}

/** Requests for one template, each with its place in the caller's list. */
interface Group {
  readonly registered: RegisteredTemplate;
  readonly rows: { readonly index: number; readonly row: TaskRow; readonly request: TaskRequest }[];
}

export class TaskCreator {
  readonly #options: TaskCreatorOptions;

  constructor(options: TaskCreatorOptions) {
    this.#options = options;
  }

  /** All of them or none, in order. Duplicates return the task that exists, `created` false. */
  async create(requests: readonly TaskRequest[], { client }: CreateOptions = {}): Promise<CreatedTask[]> {
    const borrowed = client === undefined ? undefined : borrow(client);
    const groups = await this.#grouped(requests, borrowed ?? this.#options.database);
    if (borrowed) return this.#insert(borrowed, groups, requests.length);
    const created = await this.#options.database.transaction((tx) =>
      this.#insert(tx, groups, requests.length),
    );
    if (!this.#options.queue.enqueueInTransaction) this.#options.onWakeups();
    return created;
  }

  async #grouped(requests: readonly TaskRequest[], db: Executor): Promise<Group[]> {
    const groups = new Map<number, Group>();
    const found = new Map<string, RegisteredTemplate>();
    for (const [index, request] of requests.entries()) {
      const name = templateName(request);
      const key = JSON.stringify(name);
      const registered = found.get(key) ?? (await this.#options.templates.find(name, db));
      found.set(key, registered);
      const group = groups.get(registered.named_task_id) ?? { registered, rows: [] };
      group.rows.push({ index, row: taskRow(request, registered), request });
      groups.set(registered.named_task_id, group);
    }
    return [...groups.values()];
  }

  async #insert(tx: Executor, groups: readonly Group[], count: number): Promise<CreatedTask[]> {
    const { queue } = this.#options;
    const enqueued = queue.enqueueInTransaction !== undefined;
    const created: CreatedTask[] = Array.from({ length: count });
    for (const { registered, rows } of groups) {
      const tasks = await createTasks(
        tx,
        registered.named_task_id,
        rows.map(({ row }) => row),
        { enqueued },
      );
      tasks.forEach((task, position) => {
        const place = rows[position];
        if (place) created[place.index] = task;
      });
      const jobs = tasks.flatMap((task, position) =>
        task.created ? [jobOf(task, rows[position]?.request, registered)] : [],
      );
      if (jobs.length > 0) await queue.enqueueInTransaction?.(tx, jobs);
    }
    return created;
  }
}

/** As the database would make it of the wake-up (treadle.take_wakeups), without asking it. */
function jobOf(
  { task_id }: CreatedTask,
  request: TaskRequest | undefined,
  { template }: RegisteredTemplate,
): TaskJob {
  return {
    task_id,
    run_at: request?.run_at,
    reason: 'created',
    dedupe_key: dedupeKey(task_id),
    priority: Math.max(...template.step_templates.map(({ priority = 0 }) => priority)),
    correlation_id: correlationId(task_id, request?.tags),
  };
}

function templateName({ namespace_name = DEFAULTS.namespace_name, name, version }: TaskRequest) {
  return { namespace_name, name, version };
}

function taskRow(request: TaskRequest, { template, validateContext }: RegisteredTemplate): TaskRow {
  const context = validateContext(request.context);
  const requestedAt = request.requested_at ?? new Date();
  const labels = {
    initiator: label('initiator', request.initiator),
    source_system: label('source_system', request.source_system),
    reason: label('reason', request.reason),
  };
  const bypass_steps = [...(request.bypass_steps ?? [])];
  const identity_hash = identityHash(strategyOf(request, template.identity_strategy), {
    name: template.name,
    ...labels,
    context,
    bypass_steps,
    requested_at: requestedAt,
    identity_key: request.identity_key,
  });
  return {
    identity_hash,
    context,
    ...labels,
    tags: [...(request.tags ?? [])] satisfies Json,
    bypass_steps,
    ...(request.requested_at ? { requested_at: request.requested_at.toISOString() } : {}),
    ...(request.run_at ? { run_at: request.run_at.toISOString() } : {}),
    ...deadlineOf(request),
  };
}

function deadlineOf({ deadline_at, deadline_seconds }: TaskRequest): Partial<TaskRow> {
  if (deadline_at !== undefined) return { deadline_at: deadline_at.toISOString() };
  if (deadline_seconds === undefined) return {};
  if (deadline_seconds > 0 && deadline_seconds <= LONGEST_DEADLINE_SECONDS) return { deadline_seconds };
  throw new TreadleError(
    'invalid_argument',
    `deadline_seconds: expected a number above 0, at most ${LONGEST_DEADLINE_SECONDS}, came ${deadline_seconds}`,
  );
}

function strategyOf(request: TaskRequest, template: IdentityStrategy | undefined): IdentityStrategy {
  return request.identity_strategy ?? (request.identity_key === undefined ? (template ?? 'uuid') : 'key');
}

function label(field: 'initiator' | 'source_system' | 'reason', value: string = DEFAULTS[field]): string {
  const length = Array.from(value).length; // characters, as Postgres counts them
  if (length <= LIMITS[field]) return value;
  throw new TreadleError(
    'invalid_argument',
    `${field}: expected at most ${LIMITS[field]} characters, got ${length}`,
  );
}
