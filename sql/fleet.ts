// Mixed fleets: which named tasks run in Treadle and which in the Rails engine, and how unfinished tasks move when the choice
// changes. One TypeScript function per SQL function, nothing added.
import type { Operator } from './controls.ts';
import type { Executor } from './database.ts';
import type { WaitingWakeups, Wakeup } from './tasks.ts';

export const FLEET_ENGINES = ['rails', 'treadle'] as const;
export type FleetEngine = (typeof FLEET_ENGINES)[number];

export interface Choice {
  /** A namespace (`payments`), or `payments/checkout` for all versions of a named task, which goes before its namespace. */
  readonly subject: string;
  readonly engine: FleetEngine;
  /** The subject does not exist yet. Else that is refused: a misspelt choice would move nothing. */
  readonly isNew?: boolean | undefined;
  /** For `rails`: tasks that wait there are handed over again, where their jobs may have been lost. */
  readonly again?: boolean | undefined;
}

export interface Chosen {
  /** False: it was chosen already, or there was no choice to forget. */
  readonly done: boolean;
  /** Named tasks (versions counted each) whose unfinished tasks move from now on: see moveTasks. */
  readonly moving: number;
}

/** Holds from the commit on; running steps end where they run. Throws `invalid_argument`: no such subject, nobody named. */
export async function chooseEngine(
  db: Executor,
  { subject, engine, isNew, again }: Choice,
  { by, reason }: Operator,
): Promise<Chosen> {
  return chosen(
    await db.query<Chosen>('select * from treadle.choose_engine($1, $2, $3, $4, $5, $6)', [
      subject,
      engine,
      by,
      reason ?? null,
      isNew === true,
      again === true,
    ]),
  );
}

/** Takes a choice back. Throws `unlawful_transition` while Rails runs tasks that would come to Treadle without a choice. */
export async function forgetChoice(db: Executor, subject: string): Promise<Chosen> {
  return chosen(await db.query<Chosen>('select * from treadle.forget_choice($1)', [subject]));
}

function chosen([row]: readonly Chosen[]): Chosen {
  if (!row) throw new Error('a choice returned no row');
  return row;
}

export interface Moved {
  /** Tasks that this call has moved, or has found to have nothing to move. */
  readonly moved: number;
  /** Tasks of all moves that still run a step: they move when it has ended. */
  readonly waiting: number;
  /** Others can be moved at once. */
  readonly more: boolean;
}

/** Moves the next tasks of a named task whose engine was changed. Undefined: nothing moves. Safe to call from anywhere at any time. */
export async function moveTasks(db: Executor, limit: number): Promise<Moved | undefined> {
  const [row] = await db.query<Moved>('select * from treadle.move_tasks($1)', [limit]);
  return row;
}

/** Where the tasks of one version of a named task run. */
export interface FleetMember {
  readonly namespace_name: string;
  /** Null: a choice for a namespace that does not exist yet. */
  readonly name: string | null;
  /** Null: it does not exist yet. */
  readonly version: string | null;
  readonly engine: FleetEngine;
  /** What decides. `template`: nobody chose, and a template of Treadle describes it. `none`: neither. */
  readonly rule: 'named_task' | 'namespace' | 'template' | 'none';
  /** Whether a template of Treadle describes it. */
  readonly described: boolean;
  readonly chosen_by: string | null;
  readonly reason: string | null;
  readonly chosen_at: Date | null;
  readonly moving: boolean;
  /** Unfinished tasks that Treadle runs. */
  readonly in_treadle: number;
  /** Unfinished tasks that Rails runs, or is to run. */
  readonly in_rails: number;
  /** How long ago Rails has started the oldest of them; null: it has started none. */
  readonly oldest_in_rails_seconds: number | null;
  /** Tasks that move to Rails when their running steps have ended. */
  readonly leaving: number;
  /** Tasks that nobody has handed to a queue of Rails yet. */
  readonly for_rails: number;
}

export async function listFleet(db: Executor): Promise<FleetMember[]> {
  return db.query<FleetMember>('select * from treadle.list_fleet()');
}

/** Takes tasks for Rails from their outbox, those that are due within `aheadMs` (default: all): at least once, as takeWakeups. */
export async function takeTasksForRails(db: Executor, limit: number, aheadMs?: number): Promise<Wakeup[]> {
  return db.query<Wakeup>('select * from treadle.take_tasks_for_rails($1, make_interval(secs => $2))', [
    limit,
    aheadMs === undefined ? null : aheadMs / 1000,
  ]);
}

/** Tasks in that outbox. */
export async function waitingForRails(db: Executor, aheadMs?: number): Promise<WaitingWakeups> {
  const [row] = await db.query<WaitingWakeups>(
    'select * from treadle.waiting_for_rails(make_interval(secs => $1))',
    [aheadMs === undefined ? null : aheadMs / 1000],
  );
  return row ?? { waiting: 0, next_in_ms: null };
}
