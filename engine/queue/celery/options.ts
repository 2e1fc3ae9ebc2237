// What the URL of a Celery queue says beside the address: celery+redis://host:6379/0?queue=celery&longest_delay=300.
import { z } from 'zod';
import { TreadleError } from '../../../core/errors.ts';
import { tlsShape } from '../tls.ts';

/** A worker fetches delayed messages at once. Redis takes them back after an hour, RabbitMQ after half an hour. */
const LONGEST_DELAY_SECONDS = 300;

const wholeNumber = (least: number, most: number) => {
  const expected = `a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,6}$/, expected)
    .transform(Number)
    .pipe(z.int().min(least, expected).max(most, expected));
};

const STEPS = 'ascending numbers from 0 to 9, such as 0,3,6,9';
const steps = z
  .string()
  .regex(/^\d(,\d)*$/, STEPS)
  .transform((text) => text.split(',').map(Number))
  .refine((numbers) => numbers.every((each, n) => each > (numbers[n - 1] ?? -1)), STEPS);

const common = {
  /** The queue that workers are started with: `celery worker -Q`. */
  queue: z.string().min(1, 'a name').max(200, 'a name of at most 200 characters').default('celery'),
  /** Seconds. What is due later waits in Postgres. */
  longest_delay: wholeNumber(1, 86_400).default(LONGEST_DELAY_SECONDS),
};

const redisSchema = z.strictObject({
  ...common,
  /** As in `broker_transport_options` of the workers. */
  priority_steps: steps.default([0, 3, 6, 9]),
  key_prefix: z.string().max(200, 'at most 200 characters').default(''),
  ...tlsShape,
});

const amqpSchema = z.strictObject({
  ...common,
  /** The x-max-priority of the queue; it is declared with it where it does not exist yet. */
  max_priority: wholeNumber(1, 255).optional(),
  ...tlsShape,
});

export type CeleryRedisOptions = z.infer<typeof redisSchema>;
export type CeleryAmqpOptions = z.infer<typeof amqpSchema>;

/** @throws TreadleError `invalid_config` */
export function redisOptionsOf(url: URL): CeleryRedisOptions {
  return parsed(redisSchema, url);
}

/** @throws TreadleError `invalid_config` */
export function amqpOptionsOf(url: URL): CeleryAmqpOptions {
  return parsed(amqpSchema, url);
}

function parsed<Options>(schema: z.ZodType<Options> & { shape: object }, url: URL): Options {
  const given = Object.fromEntries(url.searchParams);
  const { success, data, error } = schema.safeParse(given);
  if (success) return data;
  const [issue] = error.issues;
  const option = issue?.code === 'unrecognized_keys' ? (issue.keys[0] ?? '') : String(issue?.path[0] ?? '');
  const expected =
    issue?.code === 'unrecognized_keys'
      ? `one of the options ${Object.keys(schema.shape).join(', ')}`
      : `${option} to be ${issue?.message ?? 'valid'}`;
  const came = `${option}=${given[option] ?? ''}`;
  throw new TreadleError('invalid_config', `the queue ${url.protocol}// expected ${expected}, came ${came}`);
}
