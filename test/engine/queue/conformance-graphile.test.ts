// graphile-worker does what every queue must: on a server of its own that can be killed, consumed by other processes.
import { pino } from 'pino';
import { GraphileWorkerQueue } from '../../../engine/queue/graphile-worker.ts';
import { Database } from '../../../sql/database.ts';
import { killPostmaster, newProject, startIn } from '../../support/clusters.ts';
import { consumeElsewhere, testQueue } from '../../support/queue-suite.ts';

const POISON = `select graphile_worker.add_job('treadle_run_task', json_build_object('task', 'none of ours'))`;

testQueue({
  open: async () => {
    const project = newProject();
    const server = await startIn(project);
    const database = new Database({ url: server.url });
    const adapter = new GraphileWorkerQueue({ database, log: pino({ level: 'silent' }) });
    await adapter.install();
    return {
      adapter,
      consume: (runTask) => consumeElsewhere({ queue: 'graphile://', database: server.url }, runTask),
      restartServer: async () => {
        await killPostmaster(server.home);
        await startIn(project);
      },
      pushPoison: async () => void (await database.query(POISON)),
      close: () => database.close(),
    };
  },
  features: { priority: true, dedupe: true, survivesRestart: true },
  delayToleranceMs: 3000,
});
