// A gRPC server that knows one call, RunTask, as workers of a foreign queue make it; each is handed to a function of the test.
import { Server, ServerCredentials, status, type handleUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import type { RunTask } from '../../engine/queue/adapter.ts';
import { ClientServiceService, State } from '../../proto/gen/treadle/v1/client.ts';
import type { RunTaskRequest, RunTaskResponse } from '../../proto/gen/treadle/v1/client.ts';

export interface RunTaskServer {
  /** host:port, for TREADLE_TARGET. */
  readonly target: string;
  close(): void;
}

/** What the function rejects with is UNAVAILABLE to the caller: the queue must try again. */
export async function serveRunTask(runTask: RunTask): Promise<RunTaskServer> {
  const server = new Server();
  const answer: handleUnaryCall<RunTaskRequest, RunTaskResponse> = (call, callback) =>
    void respond(runTask, call.request.task_id, callback);
  server.addService({ runTask: ClientServiceService.runTask }, { runTask: answer });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { target: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}

async function respond(
  runTask: RunTask,
  taskId: number,
  callback: sendUnaryData<RunTaskResponse>,
): Promise<void> {
  const refusal = await runTask(taskId).catch(String);
  if (refusal === undefined) callback(null, { state: State.IN_PROGRESS });
  else callback({ code: status.UNAVAILABLE, details: refusal });
}
