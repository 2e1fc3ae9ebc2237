// Mixed fleets: whether tasks reach the Rails engine, and which ones it has left in progress. Says nothing where nobody chose an engine.
import type { Database } from '../../sql/database.ts';
import { listFleet, type FleetMember } from '../../sql/fleet.ts';
import { LEFT_AFTER_SECONDS, titleOf } from '../fleet/report.ts';
import { sum } from '../fleet/wait-for-move.ts';
import { ok, warn, type Check } from './check.ts';

const SHOWN = 5;

export async function fleetChecks(database: Database): Promise<Check[]> {
  const fleet = await listFleet(database);
  const chosen = fleet.filter(({ rule }) => rule === 'named_task' || rule === 'namespace');
  if (chosen.length === 0) return [];
  const waiting = sum(fleet, ({ for_rails }) => for_rails);
  const left = fleet.filter(isLeft);
  return [
    ok(
      'fleet',
      `an engine was chosen for ${chosen.length} of ${fleet.length} named tasks ("treadle fleet" shows them)`,
    ),
    ...(waiting === 0 ? [] : [waitingCheck(waiting)]),
    ...(left.length === 0 ? [] : [leftCheck(left)]),
  ];
}

function waitingCheck(tasks: number): Check {
  return warn(
    'fleet',
    `${tasks} tasks wait to be handed to the Rails engine`,
    'Give engines its queue (TREADLE_RAILS_QUEUE), or run Treadle::Rails.take_over_tasks in the app; docs/mixed-fleets.md.',
  );
}

function leftCheck(members: readonly FleetMember[]): Check {
  const names = [...members.slice(0, SHOWN).map(titleOf), ...(members.length > SHOWN ? ['...'] : [])].join(
    ', ',
  );
  return warn(
    'fleet',
    `Rails has had tasks of ${names} in progress for long, and they are to run in Treadle`,
    'Where no worker of Rails runs any more, "treadle adopt --yes" takes them.',
  );
}

function isLeft({ engine, rule, oldest_in_rails_seconds: oldest }: FleetMember): boolean {
  return engine === 'treadle' && rule !== 'template' && (oldest ?? 0) > LEFT_AFTER_SECONDS;
}
