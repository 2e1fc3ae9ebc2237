// The Retry-After header of HTTP (RFC 9110, 10.2.3) as seconds from now.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The three forms of a date that a recipient must understand (RFC 9110, 5.6.7). All are UTC. */
const DATE_FORMS = [
  /^\w{3}, (?<day>\d{2}) (?<month>\w{3}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^\w{6,9}, (?<day>\d{2})-(?<month>\w{3})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^\w{3} (?<month>\w{3}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/,
];

/** An HTTP date as milliseconds since 1970; undefined when it is none. `now` decides the century of a two-digit year. */
export function parseHttpDate(value: string, now: number = Date.now()): number | undefined {
  for (const form of DATE_FORMS) {
    const parts = form.exec(value.trim())?.groups;
    if (!parts) continue;
    const { day = '', month = '', year = '', time = '' } = parts;
    const [hours = NaN, minutes = NaN, seconds = NaN] = time.split(':').map(Number);
    const monthIndex = MONTHS.indexOf(month);
    if (monthIndex < 0 || hours > 23 || minutes > 59 || seconds > 60) return undefined;
    return Date.UTC(fullYear(year, now), monthIndex, Number(day), hours, minutes, seconds);
  }
  return undefined;
}

/** A two-digit year that would lie more than 50 years ahead means the past century. */
function fullYear(year: string, now: number): number {
  if (year.length === 4) return Number(year);
  const thisYear = new Date(now).getUTCFullYear();
  const candidate = thisYear - (thisYear % 100) + Number(year);
  return candidate > thisYear + 50 ? candidate - 100 : candidate;
}

/**
 * Seconds to wait: from a number of seconds or from an HTTP date, never negative. Undefined when the header is absent
 * or says neither. `now` is in milliseconds; pass the time of the answer's Date header, so that two clocks that
 * disagree do no harm. The cap on long waits is the retry policy's business.
 */
export function parseRetryAfter(
  value: string | null | undefined,
  now: number = Date.now(),
): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
  const date = parseHttpDate(text, now);
  return date === undefined ? undefined : Math.max(0, (date - now) / 1000);
}
