// Rows of an input as task requests: each is checked against the template before anything is created.
import { TreadleError } from '../core/errors.ts';
import { characterCount } from '../core/template/text.ts';
import type { Problem } from '../core/template/problems.ts';
import { LIMITS } from '../core/vocabulary.ts';
import type { TaskRequest } from '../engine/task-requests.ts';
import type { RegisteredTemplate } from '../engine/templates.ts';
import type { InputRow } from './input/source.ts';

/** What all tasks of one run share. */
export interface Labels {
  readonly initiator?: string | undefined;
  readonly source_system?: string | undefined;
  readonly reason?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly bypass_steps?: readonly string[] | undefined;
  readonly deadline_seconds?: number | undefined;
}

export interface RowReader {
  readonly registered: RegisteredTemplate;
  readonly labels: Labels;
  /** The key of the context that makes a task the only one of its kind. */
  readonly identityKeyField: string | undefined;
}

export interface BadRow {
  readonly place: string;
  readonly problem: string;
}

/** The request for a row, or what is wrong with it. */
export function requestOf(row: InputRow, reader: RowReader): TaskRequest | BadRow {
  if (row.problem !== undefined) return { place: row.place, problem: row.problem };
  const { template, validateContext } = reader.registered;
  try {
    const context = validateContext(row.value);
    return {
      namespace_name: template.namespace_name,
      name: template.name,
      version: template.version,
      context,
      ...reader.labels,
      ...identityOf(context, reader.identityKeyField),
    };
  } catch (error) {
    if (!(error instanceof TreadleError)) throw error;
    return { place: row.place, problem: problemText(error) };
  }
}

export function isBadRow(value: TaskRequest | BadRow): value is BadRow {
  return 'problem' in value;
}

function identityOf(context: Record<string, unknown>, field: string | undefined): { identity_key?: string } {
  if (field === undefined) return {};
  const value = Object.hasOwn(context, field) ? context[field] : undefined;
  const key = typeof value === 'number' ? String(value) : value;
  if (typeof key === 'string' && /\S/.test(key) && characterCount(key) <= LIMITS.identity_key) {
    return { identity_key: key };
  }
  const came = value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60);
  throw new TreadleError(
    'invalid_context',
    `context.${field}: expected an identity key (a number, or text of 1 to ${LIMITS.identity_key} characters), came ${came}`,
  );
}

/** The findings without the name of the template, which is the same for all rows. */
function problemText({ message, details }: TreadleError): string {
  const { problems } = details as { problems?: readonly Problem[] };
  if (!problems) return message;
  return problems
    .map(
      ({ path, expected, received }) =>
        `${path === '' ? '' : `${path}: `}expected ${expected}, came ${received}`,
    )
    .join('; ');
}
