// How progress looks: a bar on a terminal, a line per second elsewhere.
import { Presets, SingleBar } from 'cli-progress';
import { isUnderWay, type Progress } from './progress.ts';

const LINE_MS = 1000;

export interface Display {
  readonly show: (progress: Progress, seconds: number) => void;
  readonly end: () => void;
}

/** The one that suits where the output goes. */
export function newDisplay(): Display {
  return process.stdout.isTTY ? bar() : plainLines();
}

function bar(): Display {
  const format =
    '  {bar} {value}/{total}  {complete} complete  {failed} failed  {retrying} retrying  {rate} steps/s{beside}';
  const options = { format, hideCursor: true, barsize: 16, stopOnComplete: false };
  const single = new SingleBar(options, Presets.shades_classic);
  single.start(0, 0, { complete: 0, failed: 0, retrying: 0, rate: 0, beside: '' });
  return {
    show: (progress, seconds) => {
      single.setTotal(progress.orders);
      single.update(progress.complete + progress.failed, {
        ...progress,
        rate: rateOf(progress, seconds),
        beside: beside(progress),
      });
    },
    end: () => single.stop(),
  };
}

function plainLines(): Display {
  let due = 0;
  return {
    show: (progress, seconds) => {
      if (isUnderWay(progress) && seconds * 1000 < due) return;
      due = seconds * 1000 + LINE_MS;
      const { complete, failed, orders, retrying } = progress;
      const counts = `${complete} complete, ${failed} failed, ${retrying} retrying`;
      console.log(
        `  ${complete + failed}/${orders} orders: ${counts}, ${rateOf(progress, seconds)} steps/s${beside(progress)}`,
      );
    },
    end: () => {},
  };
}

function rateOf({ steps }: Progress, seconds: number): number {
  return seconds > 0 ? Math.round(steps / seconds) : 0;
}

function beside({ earlier }: Progress): string {
  return earlier > 0 ? `, and ${earlier} of an earlier run` : '';
}
