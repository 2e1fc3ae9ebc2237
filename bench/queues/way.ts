// A way to have a job run, from the bare queue to a whole task, and its figures: how long one job takes from being added to
// running when nothing else happens, and how many run in a second when many come.
import { percentile, repeated, rounded } from '../measure.ts';

/** Told by a way: this job begins now; one has ended, under whatever number the way knows it. */
export interface Listener {
  readonly began: (id: number) => void;
  readonly ended: (id: number) => void;
}

export interface Way {
  /** Resolves when the queue has them, or the task is committed. Ids are never used twice. */
  readonly add: (ids: readonly number[]) => Promise<void>;
  /** Rejects when a process that it needs has died. */
  readonly broken?: Promise<never>;
  /** What such a process said last, for errors. */
  readonly lastWords?: () => string;
  /** Throws when what was run does not look as it must. */
  readonly verify?: (jobs: number) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

export type OpenWay = (listener: Listener) => Promise<Way>;

export interface Sizes {
  readonly warmUp: number;
  /** One after the other. */
  readonly latency: number;
  /** As fast as they go. */
  readonly rate: number;
}

export interface WayRun {
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly per_second: number;
}

const JOBS_PER_CALL = 500;
const LONGEST_WAIT_MS = 120_000;

export async function measureWay(open: OpenWay, { warmUp, latency, rate }: Sizes): Promise<WayRun> {
  const jobs = new Jobs();
  const way = await open(jobs);
  try {
    const add = (count: number): Promise<void> => addMany(way, jobs, count);
    await together(way, jobs.allEnded(warmUp), add(warmUp));
    await repeated(Math.ceil(warmUp / 10), () => oneAlone(way, jobs));
    const times = await repeated(latency, () => oneAlone(way, jobs));
    const startedAt = performance.now();
    await together(way, jobs.allEnded(rate), add(rate));
    const ms = performance.now() - startedAt;
    await way.verify?.(jobs.added);
    return {
      p50_ms: rounded(percentile(times, 0.5)),
      p99_ms: rounded(percentile(times, 0.99)),
      per_second: Math.round((rate * 1000) / ms),
    };
  } finally {
    await way.close();
  }
}

async function oneAlone(way: Way, jobs: Jobs): Promise<number> {
  const [id = 0] = jobs.newIds(1);
  const [began, ended] = [jobs.begins(id), jobs.allEnded(1)];
  const startedAt = performance.now();
  await together(way, began, way.add([id]));
  const ms = (await began) - startedAt;
  await together(way, ended);
  return ms;
}

async function addMany(way: Way, jobs: Jobs, count: number): Promise<void> {
  for (let left = count; left > 0; left -= JOBS_PER_CALL) {
    await way.add(jobs.newIds(Math.min(left, JOBS_PER_CALL)));
  }
}

/** Rejects when a worker died, and when nothing comes any more: a job that is lost is an error, not a figure. */
async function together(way: Way, ...work: Promise<unknown>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const lost = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const said = way.lastWords?.() ?? '';
      reject(new Error(`expected all jobs to end within ${LONGEST_WAIT_MS / 1000} s, came fewer; ${said}`));
    }, LONGEST_WAIT_MS);
  });
  try {
    await Promise.race([Promise.all(work), lost, ...(way.broken ? [way.broken] : [])]);
  } finally {
    clearTimeout(timer);
  }
}

/** Who waits for which job, and for how many ends. A queue that delivers a job twice must not count twice. */
class Jobs implements Listener {
  added = 0;
  readonly #endedIds = new Set<number>();
  readonly #waiting = new Map<number, (at: number) => void>();
  #goal = Infinity;
  #reached: () => void = () => {};

  newIds(count: number): number[] {
    return Array.from({ length: count }, () => (this.added += 1));
  }

  readonly began = (id: number): void => {
    this.#waiting.get(id)?.(performance.now());
    this.#waiting.delete(id);
  };

  readonly ended = (id: number): void => {
    this.#endedIds.add(id);
    if (this.#endedIds.size === this.#goal) this.#reached();
  };

  /** Resolves with the moment. */
  begins(id: number): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** So many more than have ended by now. */
  allEnded(count: number): Promise<void> {
    this.#goal = this.#endedIds.size + count;
    return new Promise((resolve) => {
      this.#reached = resolve;
    });
  }
}
