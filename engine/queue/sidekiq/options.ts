// What can stand behind the question mark of a sidekiq:// URL, checked.
import { z } from 'zod';
import { TreadleError } from '../../../core/errors.ts';
import { tlsFilesOf, tlsShape, type QueueTlsFiles } from '../tls.ts';
import { SIDEKIQ_MODES, type SidekiqFormat, type SidekiqMode } from './message.ts';
import type { PriorityQueue } from './queues.ts';

export interface SidekiqUrlOptions {
  readonly queue: string;
  readonly format: SidekiqFormat;
  readonly mode: SidekiqMode;
  readonly priorityQueues: readonly PriorityQueue[];
  readonly tls: QueueTlsFiles;
}

const FORMATS = { '6': 6, '7': 7, '8': 8 } as const;
const NAME = /^[\w.-]+$/;
const name = z.string().regex(NAME, 'expected the name of a queue: letters, digits, "_", "-" or "."');

const PRIORITY_QUEUE = /^([\w.-]+):(-?\d{1,3})$/;
const priorityQueues = z.string().transform((text, context): PriorityQueue[] =>
  text.split(',').flatMap((part) => {
    const [, queue = '', digits = ''] = PRIORITY_QUEUE.exec(part) ?? [];
    const from = Number(digits);
    if (queue !== '' && from !== 0 && Math.abs(from) <= 100) return [{ queue, from }];
    context.addIssue(
      `expected queues with a priority from -100 to 100 that is not 0, such as high:50,low:-50`,
    );
    return [];
  }),
);

const schema = z.strictObject({
  queue: name.default('default'),
  format: z
    .enum(['6', '7', '8'], 'expected 6, 7 or 8, the major version of Sidekiq')
    .default('7')
    .transform((digit) => FORMATS[digit]),
  mode: z.enum(SIDEKIQ_MODES, `expected one of ${SIDEKIQ_MODES.join(', ')}`).default('treadle'),
  priority_queues: priorityQueues.default([]),
  ...tlsShape,
});

/** @throws TreadleError `invalid_config`, in one line that names the option */
export function sidekiqUrlOptions(url: URL): SidekiqUrlOptions {
  const given = Object.fromEntries(url.searchParams);
  const { data, error } = schema.safeParse(given);
  if (data) {
    const { queue, format, mode, priority_queues, ...tls } = data;
    return { queue, format, mode, priorityQueues: priority_queues, tls: tlsFilesOf(url, tls) };
  }
  const [issue] = error.issues;
  throw new TreadleError('invalid_config', `queue ${url.protocol}//${url.host}: ${complaint(issue, given)}`);
}

function complaint(issue: z.core.$ZodIssue | undefined, given: Record<string, string>): string {
  if (issue?.code === 'unrecognized_keys') {
    const known = Object.keys(schema.shape).join(', ');
    return `expected the options ${known}, came ${issue.keys.join(', ')}`;
  }
  const option = String(issue?.path[0] ?? '');
  return `${option}: ${issue?.message ?? 'unknown'}, came ${JSON.stringify(given[option])}`;
}
