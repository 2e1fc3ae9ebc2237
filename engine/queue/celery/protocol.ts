// Celery's message protocol 2 as we speak it. The schemas say exactly what we send, and nothing is sent that does not pass
// them: a message that Celery cannot read can end the worker process that fetches it, and the next one after that.
import { z } from 'zod';
import { ENQUEUE_REASONS } from '../../../core/vocabulary.ts';

/** What the Python package registers: `treadle.celery.run_task`. */
export const TASK_NAME = 'treadle.run_task';

/** Headers travel in a frame of their own over AMQP: what repeats the arguments for people must stay short. */
export const LONGEST_REPR = 200;

export const CONTENT_TYPE = 'application/json';
export const CONTENT_ENCODING = 'utf-8';

export const headersSchema = z.strictObject({
  lang: z.literal('js'),
  task: z.literal(TASK_NAME),
  id: z.uuid(),
  root_id: z.uuid(),
  parent_id: z.null(),
  group: z.null(),
  /** The worker fetches the message at once and keeps it until then. */
  eta: z.iso.datetime({ offset: true, precision: 6 }).nullable(),
  expires: z.null(),
  retries: z.literal(0),
  timelimit: z.tuple([z.null(), z.null()]),
  argsrepr: z.string().max(LONGEST_REPR),
  kwargsrepr: z.string().max(LONGEST_REPR),
  origin: z.string().max(LONGEST_REPR),
  shadow: z.null(),
  ignore_result: z.literal(true),
});

/** Positional arguments, named ones, and what Celery would call afterwards. */
export const bodySchema = z.tuple([
  z.tuple([z.int().positive()]),
  z.strictObject({ reason: z.enum(ENQUEUE_REASONS), correlation_id: z.string() }),
  z.strictObject({ callbacks: z.null(), errbacks: z.null(), chain: z.null(), chord: z.null() }),
]);

/** The virtual message that kombu, Celery's messaging library, keeps in a Redis list. */
export const redisEnvelopeSchema = z.strictObject({
  body: z.base64(),
  'content-encoding': z.literal(CONTENT_ENCODING),
  'content-type': z.literal(CONTENT_TYPE),
  headers: headersSchema,
  properties: z.strictObject({
    correlation_id: z.uuid(),
    reply_to: z.literal(''),
    delivery_mode: z.literal(2),
    /** Without it a worker ends with `Unrecoverable error: KeyError('exchange')`. */
    delivery_info: z.strictObject({ exchange: z.literal(''), routing_key: z.string().min(1) }),
    priority: z.int().min(0).max(9),
    body_encoding: z.literal('base64'),
    delivery_tag: z.uuid(),
  }),
});

export type CeleryHeaders = z.infer<typeof headersSchema>;
export type CeleryBody = z.infer<typeof bodySchema>;
export type RedisEnvelope = z.infer<typeof redisEnvelopeSchema>;
