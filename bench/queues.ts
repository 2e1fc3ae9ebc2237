// The queues that bring tasks back: for each the bare queue, Treadle's adapter on it, and whole tasks, on servers of their own.
import { pino } from 'pino';
import type { QueueAdapter } from '../engine/queue/adapter.ts';
import { queueOfUrl } from '../engine/queue/queue-of-url.ts';
import { benchmark } from './benchmark.ts';
import { repeated } from './measure.ts';
import { queuesHeadlines, queuesText } from './queues/report.ts';
import { goals, queueRow, type QueueRun, type QueuesResult } from './queues/result.ts';
import { subjects, type Place, type Subject } from './queues/subjects.ts';
import { measureWay, type OpenWay, type Sizes, type WayRun } from './queues/way.ts';
import { adapterWay, taskWay } from './queues/ways.ts';
import type { BenchServer } from './server.ts';

const FULL: Sizes = { warmUp: 1000, latency: 500, rate: 5000 };
const QUICK: Sizes = { warmUp: 20, latency: 10, rate: 50 };

export interface QueuesOptions {
  readonly quick: boolean;
  readonly runs: number;
  readonly onProgress: (line: string) => void;
}

export const queues = benchmark<QueuesResult>({
  name: 'queues',
  says: 'From createTask to the first step with each queue, and tasks per second, beside the bare queue',
  measure: benchQueues,
  report: queuesText,
  headlines: queuesHeadlines,
});

async function benchQueues(server: BenchServer, options: QueuesOptions): Promise<QueuesResult> {
  const { present, missing } = await subjects();
  for (const why of missing) options.onProgress(`left out: ${why}`);
  const rounds = await repeated(options.runs, (round) =>
    repeated(present.length, async (place) => {
      const subject = present[place] as Subject;
      const run = await runOf(server, subject, options.quick ? QUICK : FULL);
      const { bare, adapter, task } = run;
      const p50s = `p50 ${bare.p50_ms} ms bare, ${adapter.p50_ms} by the adapter, ${task.p50_ms} to the step`;
      options.onProgress(`queues, ${subject.name}: run ${round + 1} of ${options.runs}, ${p50s}`);
      return run;
    }),
  );
  const rows = present.map(({ name }, place) => {
    return queueRow(name, rounds.flatMap((round) => round[place] ?? [])); // prettier-ignore
  });
  return { runs: options.runs, missing, rows, goals: goals(rows) };
}

/** The three ways one after the other, each on a database of its own. */
function runOf(server: BenchServer, subject: Subject, sizes: Sizes): Promise<QueueRun> {
  return subject.withServer(async (url) => {
    const measured = (wayOf: (place: Place) => Promise<OpenWay>): Promise<WayRun> =>
      server.withDatabase(async (database) => measureWay(await wayOf({ url, database }), sizes));
    return {
      bare: await measured((place) => subject.bare(place, () => adapterOf(subject, place))),
      adapter: await measured(async (place) =>
        adapterWay({ queue: await adapterOf(subject, place), startWorker: subject.startWorker(place) }),
      ),
      task: await measured(async (place) =>
        taskWay(place.database, {
          queue: await adapterOf(subject, place),
          startWorker: subject.startWorker(place),
        }),
      ),
    };
  });
}

function adapterOf(subject: Subject, { url, database }: Place): Promise<QueueAdapter> {
  return queueOfUrl(subject.queueUrl(url), { database, log: pino({ level: 'silent' }) });
}
