// Where rows come from: a file, or stdin, which is kept in a temporary file because rows are read twice (all are checked
// before the first task is created).
import { createReadStream, createWriteStream, openSync, readSync, closeSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { TreadleError } from '../../core/errors.ts';

export const INPUT_FORMATS = ['json', 'jsonl', 'csv'] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];

export interface InputRow {
  /** `line 12`, or `item 3` of a JSON array. */
  readonly place: string;
  readonly value: unknown;
  /** Why the row could not even be read; `value` is undefined then. */
  readonly problem?: string;
}

export interface InputSource {
  readonly format: InputFormat;
  /** What messages call it. */
  readonly title: string;
  readonly file: string;
  /** Removes what was kept for it. */
  readonly dispose: () => Promise<void>;
}

const FORMAT_OF: Readonly<Record<string, InputFormat>> = {
  '.json': 'json',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.csv': 'csv',
  '.tsv': 'csv',
};
const HEAD_BYTES = 65_536;

/** `path` is a file or `-` for stdin. Throws `invalid_argument` when there is no such file or its format is unknown. */
export async function openInput(
  path: string,
  format: InputFormat | undefined,
  stdin: Readable = process.stdin,
): Promise<InputSource> {
  if (path === '-') return keptFromStdin(format, stdin);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new TreadleError('invalid_argument', `--input ${path}: there is no such file`);
  }
  const known = format ?? FORMAT_OF[extname(path).toLowerCase()];
  if (known) return { format: known, title: path, file: path, dispose: async () => {} };
  throw new TreadleError(
    'invalid_argument',
    `--input ${path}: expected a name that ends in .json, .jsonl or .csv, or --format`,
  );
}

/** The first line of a file (of its first 64 KiB), without a byte order mark. */
export function firstLine(file: string): string {
  const head = Buffer.alloc(HEAD_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    const length = readSync(descriptor, head, 0, HEAD_BYTES, 0);
    const text = head.toString('utf8', 0, length).replace(/^\uFEFF/, '');
    return text.trimStart().split(/\r?\n/, 1)[0] ?? '';
  } finally {
    closeSync(descriptor);
  }
}

export function readText(file: string): Readable {
  return createReadStream(file, { encoding: 'utf8', highWaterMark: HEAD_BYTES });
}

async function keptFromStdin(format: InputFormat | undefined, stdin: Readable): Promise<InputSource> {
  const folder = await mkdtemp(join(tmpdir(), 'treadle-input-'));
  const file = join(folder, 'stdin');
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    await pipeline(stdin, createWriteStream(file, { mode: 0o600 }));
    return { format: format ?? guessed(firstLine(file)), title: 'stdin', file, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** A first line that is a JSON value of its own is JSONL; one that only begins one is JSON; the rest is CSV. */
function guessed(line: string): InputFormat {
  if (line.startsWith('[')) return 'json';
  if (!line.startsWith('{')) return 'csv';
  try {
    JSON.parse(line);
    return 'jsonl';
  } catch {
    return line.trimEnd().endsWith('}') ? 'jsonl' : 'json'; // a complete but broken line is a bad row of JSONL
  }
}
