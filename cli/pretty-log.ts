// pino's JSON lines as people read them: `12:03:04 WARN step failed: payment refused  task=12 step=reserve`.
import { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Colors } from './terminal.ts';

/** Short names for what nearly every line carries. */
const SHORT: Readonly<Record<string, string>> = {
  task_id: 'task',
  workflow_step_id: 'step_id',
  step_name: 'step',
};
/** Who wrote the line and where, which a person at a terminal knows. */
const HIDDEN = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg', 'err', 'error']);

/** A stream for pino that writes readable lines to `output`. */
export function prettyLog(output: NodeJS.WritableStream, colors: Colors): Writable {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) output.write(`${prettyLine(line, colors)}\n`);
      done();
    },
  });
}

/** One line; what is no JSON comes back as it is. */
export function prettyLine(line: string, colors: Colors): string {
  const entry = parsed(line);
  if (entry === undefined) return line;
  const reason = reasonOf(entry);
  const message = `${text(entry['msg'])}${reason === '' ? '' : `: ${reason}`}`;
  const fields = Object.entries(entry)
    .filter(([key]) => !HIDDEN.has(key))
    .map(([key, value]) => colors.dim(`${SHORT[key] ?? key}=${text(value)}`));
  return [colors.dim(timeOf(entry['time'])), levelText(entry['level'], colors), message, ...fields]
    .filter((part) => part !== '')
    .join(' ');
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** The first line of what went wrong: an error of the log call, or an error text of its own. */
function reasonOf({ err, error }: Record<string, unknown>): string {
  const message = typeof err === 'object' && err !== null && 'message' in err ? err.message : (error ?? '');
  return text(message).split('\n')[0] ?? '';
}

function timeOf(time: unknown): string {
  return typeof time === 'number' ? new Date(time).toTimeString().slice(0, 8) : '';
}

function levelText(level: unknown, colors: Colors): string {
  if (typeof level !== 'number' || level === 30) return '';
  if (level >= 50) return colors.red(level >= 60 ? 'FATAL' : 'ERROR');
  return level === 40 ? colors.yellow('WARN') : colors.gray(level === 20 ? 'debug' : 'trace');
}

function text(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
