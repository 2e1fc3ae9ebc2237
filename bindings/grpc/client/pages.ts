// Pages of a list of tasks. A token holds the last id of its page and what the list was about, so that it is of no use for
// another one; tasks that are created meanwhile come before the first page and shift nothing.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { invalid } from '../../../core/template/problems.ts';
import type { ListTasksResponse } from '../../../proto/gen/treadle/v1/client.ts';
import type { Executor } from '../../../sql/database.ts';
import { pageOfTasks, type TaskDetail } from '../../../sql/details.ts';
import { taskMessage } from './messages.ts';
import type { ListRequest } from './requests.ts';
import type { ClientScope } from './scope.ts';

/** Clients refuse messages over 4 MiB unless told otherwise: a page of large contexts ends early. */
const PAGE_BYTES = 2 * 1024 * 1024;

export async function listPage(
  db: Executor,
  scope: ClientScope,
  request: ListRequest,
): Promise<ListTasksResponse> {
  const { name, state, page_size } = request;
  const before = request.page_token === '' ? undefined : positionOf(request);
  const namespaces = await scope.namespaces(request.namespace_name);
  const rows = await pageOfTasks(db, { namespaces, name, state, before, limit: page_size + 1 });
  const shown = withinBytes(rows.slice(0, page_size));
  const last = shown.length < rows.length ? shown.at(-1) : undefined;
  return {
    tasks: shown.map((row) => taskMessage(row)),
    next_page_token: last === undefined ? '' : tokenOf(request, last.task_id),
  };
}

/** At least one. */
function withinBytes(rows: readonly TaskDetail[]): TaskDetail[] {
  let bytes = 0;
  return rows.filter(({ context_json, tags_json }, index) => {
    bytes += Buffer.byteLength(context_json ?? '') + Buffer.byteLength(tags_json ?? '') + 500;
    return index === 0 || bytes <= PAGE_BYTES;
  });
}

function tokenOf(request: ListRequest, taskId: number): string {
  return Buffer.from(JSON.stringify([taskId, subjectOf(request)])).toString('base64url');
}

const position = z.tuple([z.int().positive(), z.string()]);

/** The id after which the page begins. @throws TreadleError `invalid_argument` for a token of another list, or of none */
function positionOf(request: ListRequest): number {
  const [taskId, subject] = position.safeParse(contentOf(request.page_token)).data ?? [];
  if (taskId !== undefined && subject === subjectOf(request)) return taskId;
  const expected = 'the next_page_token of a page with the same filters';
  throw invalid('invalid_argument', 'the request', [
    { at: ['page_token'], expected, received: JSON.stringify(request.page_token.slice(0, 60)) },
  ]);
}

function contentOf(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** What a list is about, in a few characters. */
function subjectOf({ namespace_name, name, state }: ListRequest): string {
  const filters = JSON.stringify([namespace_name, name, state]);
  return createHash('sha256').update(filters).digest('base64url').slice(0, 12);
}
