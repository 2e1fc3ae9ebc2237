// How a queue is named in one line of configuration: by a URL whose scheme says which adapter it means. Only its form is
// known here; the adapter reads its options.

export const QUEUE_SCHEMES = [
  'graphile',
  'memory',
  'redis+bullmq',
  'rediss+bullmq',
  'sidekiq',
  'sidekiqs',
  'celery+redis',
  'celery+rediss',
  'celery+amqp',
  'celery+amqps',
] as const;
export type QueueScheme = (typeof QUEUE_SCHEMES)[number];

/** What is expected of a text that names a queue. */
export const QUEUE_FORMS = `a URL that begins with one of ${QUEUE_SCHEMES.map((name) => `${name}://`).join(', ')}`;

/** Names from before there were URLs. */
const OLD_NAMES: Readonly<Record<string, QueueScheme>> = {
  'graphile-worker': 'graphile',
  'in-memory': 'memory',
};

/** What this text begins with, when it is a URL of a queue that we know (or an old name of one). */
export function queueSchemeOf(text: string): QueueScheme | undefined {
  const old = OLD_NAMES[text];
  if (old !== undefined) return old;
  if (!URL.canParse(text)) return undefined;
  const { protocol } = new URL(text);
  return QUEUE_SCHEMES.find((scheme) => `${scheme}:` === protocol);
}

/** For people: without the password, and without options, which could hold one. */
export function shownQueue(text: string): string {
  if (text in OLD_NAMES) return text;
  if (!URL.canParse(text)) return text.includes('@') ? 'something that is no URL' : JSON.stringify(text);
  const { protocol, host, pathname } = new URL(text);
  return host === '' ? `${protocol}//` : `${protocol}//${host}${pathname}`;
}
