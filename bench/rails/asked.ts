// Questions in SQL, asked of ours and of what Rails has, in turn; and Ruby processes that ask and say their times.
import { fileURLToPath } from 'node:url';
import { run } from '../../scripts/programs.ts';
import type { Executor } from '../../sql/database.ts';
import { median, percentile, repeated, rounded, timed } from '../measure.ts';

export interface Times {
  readonly median_ms: number;
  readonly p99_ms: number;
}

export function timesOf(ms: readonly number[]): Times {
  return { median_ms: rounded(median(ms)), p99_ms: rounded(percentile(ms, 0.99, Math.ceil)) };
}

/** So often, and once before the clock starts. */
export async function ask(db: Executor, question: string, times: number): Promise<Times> {
  await db.query(question);
  return timesOf((await repeated(times, () => timed(() => db.query(question)))).map(({ ms }) => ms));
}

/** What one of the programs beside this file printed as JSON. Throws with what it said instead. */
export async function askRuby<Document>(
  ruby: string,
  program: string,
  databaseUrl: string,
  times: number,
): Promise<Document> {
  const library = fileURLToPath(new URL('../../bindings/ruby/lib', import.meta.url));
  const file = fileURLToPath(new URL(`./${program}`, import.meta.url));
  const { ok, said } = await run(ruby, ['-W0', '-I', library, file, String(times)], {
    DATABASE_URL: databaseUrl,
  });
  const document = said.trim().split('\n').at(-1) ?? '';
  if (!ok || !document.startsWith('[')) throw new Error(`${program} failed: ${said.trim()}`);
  return JSON.parse(document) as Document;
}
