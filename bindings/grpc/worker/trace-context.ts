// The W3C trace context of a task, which is kept in its tags: `traceparent:<value>` and `tracestate:<value>`.
import type { Json } from '../../../core/json.ts';

const FIELDS = ['traceparent', 'tracestate'] as const;

/** Tags are whatever a Rails app has put there. */
export function traceContextOf(tags: Json): Record<string, string> {
  if (!Array.isArray(tags)) return {};
  const context: Record<string, string> = {};
  for (const field of FIELDS) {
    const tag = tags.find((one) => typeof one === 'string' && one.startsWith(`${field}:`));
    if (typeof tag === 'string') context[field] = tag.slice(field.length + 1);
  }
  return context;
}
