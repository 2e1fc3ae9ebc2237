// The trace context of a task is kept in its tags: `traceparent:00-...` and `tracestate:...`. What does not have the form
// of the W3C recommendation is ignored, as it demands: a trace that begins anew does less harm than a refused task.

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;
/** Vendors beyond this length may cut it; most carriers do not go beyond it either. */
const LONGEST = 512;
const MOST_MEMBERS = 32;
const MEMBER =
  /^[a-z0-9][a-z0-9_*/@-]{0,255}=[\u0020-\u002b\u002d-\u003c\u003e-\u007e]{0,255}[\u0021-\u002b\u002d-\u003c\u003e-\u007e]$/;

/** A `tracestate` means nothing without its `traceparent`. */
export function traceTags(trace: Readonly<Record<string, string>>): string[] {
  const parent = trace['traceparent'] ?? '';
  const state = trace['tracestate'] ?? '';
  if (!isTraceparent(parent)) return [];
  return [`traceparent:${parent}`, ...(isTracestate(state) ? [`tracestate:${state}`] : [])];
}

/** Of versions that do not exist yet more may follow. */
function isTraceparent(value: string): boolean {
  const [, version, more] = TRACEPARENT.exec(value) ?? [];
  return version !== undefined && value.length <= LONGEST && (version !== '00' || more === undefined);
}

function isTracestate(value: string): boolean {
  if (value.length > LONGEST) return false;
  const members = value.split(',').map((member) => member.trim());
  const given = members.filter((member) => member !== '');
  return given.length > 0 && members.length <= MOST_MEMBERS && given.every((member) => MEMBER.test(member));
}
