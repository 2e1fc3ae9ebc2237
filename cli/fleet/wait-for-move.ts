// Waits until the unfinished tasks of a subject have moved to the engine that was chosen for it, and lends a hand: it also works
// where no engine runs.
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../../sql/database.ts';
import { listFleet, moveTasks, type FleetEngine, type FleetMember } from '../../sql/fleet.ts';
import { showProgress, type Progress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';

const TASKS_AT_ONCE = 200;
const POLL_MS = 100;
/** A list that takes long is asked for less often. */
const REST_PER_LIST = 4;

export interface Move {
  readonly subject: string;
  readonly engine: FleetEngine;
  readonly signal: AbortSignal;
}

/** What is known of the subject when all has moved, or when the signal aborts. */
export async function waitForMove(
  terminal: Terminal,
  database: Database,
  move: Move,
): Promise<FleetMember[]> {
  let members = membersOf(await listFleet(database), move);
  const progress = showProgress(terminal, `tasks that have left for ${move.engine}:`, toMove(members, move));
  const total = toMove(members, move);
  try {
    while (members.some(({ moving }) => moving) && !move.signal.aborted) {
      await moveWhatCan(database, move.signal);
      const askedAt = performance.now();
      members = membersOf(await listFleet(database), move);
      show(progress, total, members, move);
      if (members.some(({ moving }) => moving)) {
        const rest = Math.max(POLL_MS, REST_PER_LIST * (performance.now() - askedAt));
        await delay(rest, undefined, { signal: move.signal }).catch(() => {});
      }
    }
  } finally {
    progress.stop();
  }
  return members;
}

async function moveWhatCan(database: Database, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const page = await moveTasks(database, TASKS_AT_ONCE);
    if (!page?.more || page.moved === 0) return; // nothing at once, or others are at it
  }
}

function show(progress: Progress, total: number, members: readonly FleetMember[], move: Move): void {
  const left = sum(members, ({ leaving }) => leaving);
  const done = Math.max(total - toMove(members, move), 0);
  progress.update(done, left > 0 ? `${left} run a step, and go when it has ended` : '');
}

/** Unfinished tasks that are where they shall not stay. */
function toMove(members: readonly FleetMember[], { engine }: Move): number {
  return sum(members, ({ in_treadle, in_rails }) => (engine === 'rails' ? in_treadle : in_rails));
}

export function sum(members: readonly FleetMember[], of: (member: FleetMember) => number): number {
  return members.reduce((total, member) => total + of(member), 0);
}

/** All versions of a named task, or all named tasks of a namespace; without those that another choice has taken elsewhere. */
function membersOf(fleet: readonly FleetMember[], { subject, engine }: Move): FleetMember[] {
  return fleet.filter(
    (member) =>
      (member.engine === engine || !member.described) &&
      (member.namespace_name === subject || `${member.namespace_name}/${member.name ?? ''}` === subject),
  );
}
