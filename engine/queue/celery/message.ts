// From a job to a Celery message, and the form that it takes in Redis. Pure: the same job and ids make the same message.
import type { TaskJob } from '../adapter.ts';
import {
  bodySchema,
  CONTENT_ENCODING,
  CONTENT_TYPE,
  headersSchema,
  LONGEST_REPR,
  redisEnvelopeSchema,
  TASK_NAME,
  type CeleryBody,
  type CeleryHeaders,
} from './protocol.ts';

export interface CeleryMessage {
  readonly headers: CeleryHeaders;
  /** JSON. */
  readonly body: string;
}

/** A message and where it goes. */
export interface PlacedMessage {
  readonly message: CeleryMessage;
  /** On the scale of the broker. */
  readonly priority: number;
}

/**
 * `id` is new for every message: Celery would not recognise a second one, and revokes and results go by it. Which wake-up it
 * is stands in the arguments, for the logs of the worker.
 */
export function celeryMessage(job: TaskJob, id: string): CeleryMessage {
  const body = bodyOf(job);
  const [args, kwargs] = body;
  const headers: CeleryHeaders = {
    lang: 'js',
    task: TASK_NAME,
    id,
    root_id: id,
    parent_id: null,
    group: null,
    eta: job.run_at ? etaOf(job.run_at) : null,
    expires: null,
    retries: 0,
    timelimit: [null, null],
    argsrepr: repr(args),
    kwargsrepr: repr(kwargs),
    origin: 'treadle',
    shadow: null,
    ignore_result: true,
  };
  return { headers: headersSchema.parse(headers), body: JSON.stringify(bodySchema.parse(body)) };
}

/** What LPUSH takes. */
export function redisEnvelope({ message, priority }: PlacedMessage, queue: string): string {
  const { headers, body } = message;
  const envelope = redisEnvelopeSchema.parse({
    body: Buffer.from(body).toString('base64'),
    'content-encoding': CONTENT_ENCODING,
    'content-type': CONTENT_TYPE,
    headers,
    properties: {
      correlation_id: headers.id,
      reply_to: '',
      delivery_mode: 2,
      delivery_info: { exchange: '', routing_key: queue },
      priority,
      body_encoding: 'base64',
      delivery_tag: headers.id,
    },
  });
  return JSON.stringify(envelope);
}

/** As Celery itself writes it, with six digits: its 5.2 reads the fraction as a count of microseconds, whatever its length. */
function etaOf(runAt: Date): string {
  return runAt.toISOString().replace('Z', '000+00:00');
}

function bodyOf({ task_id, reason, correlation_id }: TaskJob): CeleryBody {
  return [
    [task_id],
    { reason, correlation_id: wellFormed(correlation_id) },
    { callbacks: null, errbacks: null, chain: null, chord: null },
  ];
}

/** Half a surrogate pair is no character: Python would read it, and fail where it writes its log. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/** For people who look at the queue; ASCII, so that no cut can hurt it. */
function repr(value: unknown): string {
  const text = JSON.stringify(value).replaceAll(/[^\x20-\x7e]/g, '?');
  return text.length > LONGEST_REPR ? `${text.slice(0, LONGEST_REPR - 3)}...` : text;
}
