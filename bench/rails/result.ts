// What the benchmark `rails` found.
import type { Times } from './asked.ts';
import type { Worked } from './load.ts';

/** One question to the database, asked of ours and, where Rails has an answer, of what the Rails engine asks. */
export interface QuestionRow {
  readonly what: string;
  readonly ours: Times;
  readonly rails: Times | null;
  /** Null: Rails has no answer, or was asked at another size. */
  readonly times_faster: number | null;
}

/** One of the ten, by ActiveRecord in Ruby. */
export interface DashboardRow extends Times {
  readonly what: string;
  readonly rows: number;
  /** The same while the engine runs tasks. */
  readonly under_load: Times;
}

/** From the commit in Ruby until what Treadle makes of it is there. */
export interface HeardRow {
  readonly what: string;
  readonly idle: Times;
  readonly under_load: Times;
}

export interface RailsResult {
  readonly steps: number;
  readonly tasks: number;
  readonly unfinished_tasks: number;
  readonly runs: number;
  readonly questions: readonly QuestionRow[];
  /** Our health counts while the engine runs tasks. */
  readonly health_under_load: Times;
  readonly dashboard: readonly DashboardRow[];
  readonly heard: readonly HeardRow[];
  readonly load: Worked & { readonly tasks_at_once: number };
}
