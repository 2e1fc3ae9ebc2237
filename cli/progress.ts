// Progress on stderr: a bar where a terminal is, a plain line now and then elsewhere, nothing with --json.
import { Presets, SingleBar } from 'cli-progress';
import type { Terminal } from './terminal.ts';

/** How often plain lines are written at first, in ms; ever less often in a long run. */
const PLAIN_LINE_MS = 2000;

export interface Progress {
  /** `remark` stands behind the figures. */
  readonly update: (done: number, remark: string) => void;
  /** Shows the last update, whenever it was, and ends. */
  readonly stop: () => void;
}

/** `label` is what is being done to `total` tasks: `created`, `ended`. */
export function showProgress(
  terminal: Terminal,
  label: string,
  total: number,
  plainLineMs = PLAIN_LINE_MS,
): Progress {
  if (terminal.json || total < 2) return { update: () => {}, stop: () => {} };
  return terminal.err.isTTY ? bar(terminal, label, total) : plainLines(terminal, label, total, plainLineMs);
}

function bar(terminal: Terminal, label: string, total: number): Progress {
  const format = `${label} [{bar}] {value}/{total}  {remark}`;
  const drawn = new SingleBar(
    { format, stream: terminal.err, hideCursor: true, barsize: 24, etaBuffer: 50, gracefulExit: false },
    Presets.shades_classic,
  );
  drawn.start(total, 0, { remark: '' });
  return {
    update: (done, remark) => drawn.update(done, { remark }),
    stop: () => drawn.stop(),
  };
}

function plainLines(terminal: Terminal, label: string, total: number, everyMs: number): Progress {
  const startedAt = performance.now();
  let shownAt = startedAt;
  let begun = false;
  let unseen: string | undefined;
  const show = (line: string): void => {
    terminal.note(line);
    shownAt = performance.now();
    begun = true;
    unseen = undefined;
  };
  return {
    update: (done, remark) => {
      const line = `${label} ${done} of ${total}${remark === '' ? '' : `  ${remark}`}`;
      if (performance.now() - shownAt >= Math.max(everyMs, (performance.now() - startedAt) / 10)) show(line);
      else unseen = line;
    },
    stop: () => {
      if (begun && unseen !== undefined) show(unseen); // what took less than a line's time needs none
    },
  };
}
