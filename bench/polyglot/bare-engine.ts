// The worker protocol without an engine: the worker service as it is, in front of something that always has the next step and
// writes nothing down. What a step costs here beside a bare stream is what the binding and the worker cost.
import { Server } from '@grpc/grpc-js';
import { pino } from 'pino';
import { Access } from '../../bindings/grpc/access.ts';
import { channelOptions } from '../../bindings/grpc/channel-options.ts';
import { WORKER_SERVICE, WorkerService } from '../../bindings/grpc/worker/worker-service.ts';
import type { Assignment, ConnectedWorker, WorkerLink } from '../../engine/connected-worker.ts';
import type { JsonObject } from '../../core/json.ts';
import { DEFAULT_BACKOFF } from '../../core/retry.ts';
import type { ClaimedTask } from '../../sql/delivery.ts';
import { bound, type Listening } from './bare-stream.ts';
import type { Carrier } from './trips.ts';

const TERMS = {
  engineVersion: 'none',
  heartbeatIntervalMs: 5_000,
  heartbeatTimeoutMs: 15_000,
  maxMessageBytes: 16 * 1024 * 1024,
  maxResultBytes: 4 * 1024 * 1024,
};

/** What all steps are: a handler, and the context that it is given. */
export interface Work {
  readonly handler: string;
  readonly context: JsonObject;
}

/** So that an assignment has a kilobyte. */
const NOTHING: Work = { handler: 'NoopHandler', context: Object.freeze({ order: 'x'.repeat(700) }) };

export async function listenForWorker(work = NOTHING): Promise<Listening> {
  const server = new Server(channelOptions(TERMS.maxMessageBytes));
  let welcome: (carrier: Carrier) => void;
  const connected = new Promise<Carrier>((resolve) => {
    welcome = resolve;
  });
  const connect = (link: WorkerLink): ConnectedWorker =>
    endlessWork(link, (carrier) => welcome(carrier), work);
  const service = new WorkerService({
    engine: { connect, stats: () => ({ worker_id: 1 }) },
    access: new Access(undefined),
    terms: TERMS,
    log: pino({ level: 'silent' }),
  });
  server.addService(WORKER_SERVICE, service.implementation);
  const port = await bound(server);
  return { address: `127.0.0.1:${port}`, connected, stop: () => server.forceShutdown() };
}

/** Steps that are sent in the same turn go together, as those of an engine do. */
export function endlessWork(
  link: WorkerLink,
  onCredits: (carrier: Carrier) => void,
  work: Work,
): ConnectedWorker {
  const waiting: Assignment[] = [];
  const flush = (): void => link.assign(waiting.splice(0));
  const send = (place: number): void => {
    if (waiting.length === 0) queueMicrotask(flush);
    waiting.push(assignmentOf(place, work));
  };
  const carrier: Carrier = { send, onBack: () => {} };
  return {
    elsewhere: [],
    grant: () => onCredits(carrier),
    answer: (claimToken) => {
      carrier.onBack(Number(claimToken));
      return true;
    },
    progress: () => true,
    drain: () => {},
    idle: () => Promise.resolve(),
    lost: () => {},
  };
}

function assignmentOf(place: number, { handler, context }: Work): Assignment {
  const task: ClaimedTask = {
    task_id: place,
    named_task_id: 1,
    namespace_name: 'bench',
    name: 'linear_7',
    version: '1.0.0',
    context,
    initiator: 'bench',
    source_system: 'bench',
    reason: null,
    tags: [],
    requested_at: '2026-01-31T12:00:00.000000Z',
    row_version: '1',
  };
  return { step: stepOf(place, handler, task), timeout_ms: undefined };
}

function stepOf(place: number, handler: string, task: ClaimedTask): Assignment['step'] {
  return {
    claim_id: place,
    claim_token: String(place),
    workflow_step_id: place,
    task_id: place,
    named_task_id: 1,
    step_name: 'step_2',
    handler,
    attempt: 1,
    retry_limit: 3,
    retryable: true,
    inputs: task.context,
    results: {},
    handler_config: {},
    timeout_ms: null,
    backoff: DEFAULT_BACKOFF,
    parent_results: { step_1: { ok: true } },
    task,
  };
}
