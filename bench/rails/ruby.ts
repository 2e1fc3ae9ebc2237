// The two programs in Ruby, and their figures.
import { askRuby, timesOf, type Times } from './asked.ts';

interface Asked {
  readonly what: string;
  readonly rows: number;
  readonly ms: readonly number[];
}

/** The ten questions of a dashboard. */
export async function asTheAppSees(
  ruby: string,
  url: string,
  times: number,
): Promise<({ readonly what: string; readonly rows: number } & Times)[]> {
  const asked = await askRuby<readonly Asked[]>(ruby, 'dashboard.rb', url, times);
  return asked.map(({ what, rows, ms }) => ({ what, rows, ...timesOf(ms) }));
}

/** What Treadle makes of four writes. It needs an engine that runs `checkout`. */
export async function heard(
  ruby: string,
  url: string,
  times: number,
): Promise<({ readonly what: string } & Times)[]> {
  const waits = await askRuby<readonly Omit<Asked, 'rows'>[]>(ruby, 'heard.rb', url, times);
  return waits.map(({ what, ms }) => ({ what, ...timesOf(ms) }));
}

/** Of the row in this place; both programs say the same rows each time. */
export function timesIn(rows: readonly Times[], place: number): Times {
  const { median_ms, p99_ms } = rows[place] ?? { median_ms: Number.NaN, p99_ms: Number.NaN };
  return { median_ms, p99_ms };
}
