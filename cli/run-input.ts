// The rows that `treadle run` makes tasks of: those of a file, of stdin, or the one of --context.
import { TreadleError } from '../core/errors.ts';
import type { TaskRequest } from '../engine/task-requests.ts';
import type { RegisteredTemplate } from '../engine/templates.ts';
import { readRows } from './input/rows.ts';
import { openInput, type InputFormat, type InputRow } from './input/source.ts';
import { isBadRow, requestOf, type RowReader } from './task-rows.ts';

export interface InputFlags {
  readonly input?: string;
  readonly context?: string;
  readonly format?: InputFormat;
}

export interface RunInput {
  /** From the first row on, each time. */
  readonly read: (registered: RegisteredTemplate) => AsyncIterable<InputRow>;
  readonly dispose: () => Promise<void>;
}

/** Throws `invalid_argument` unless exactly one input is named and it can be read. */
export async function openRunInput(flags: InputFlags): Promise<RunInput> {
  if ((flags.input === undefined) === (flags.context === undefined)) {
    throw new TreadleError('invalid_argument', 'expected either --input <file> or --context <json>');
  }
  if (flags.context !== undefined) {
    const value = contextValue(flags.context);
    return { read: () => single(value), dispose: async () => {} };
  }
  const source = await openInput(flags.input ?? '-', flags.format);
  return { read: ({ template }) => readRows(source, template.schema), dispose: source.dispose };
}

function contextValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TreadleError('invalid_argument', `--context: expected a JSON object, came: ${reason}`, {
      cause,
    });
  }
}

async function* single(value: unknown): AsyncGenerator<InputRow> {
  yield { place: '--context', value };
}

/** The requests of all rows that are good. */
export async function* goodRequests(
  rows: AsyncIterable<InputRow>,
  reader: RowReader,
): AsyncGenerator<TaskRequest> {
  for await (const row of rows) {
    const request = requestOf(row, reader);
    if (!isBadRow(request)) yield request;
  }
}
