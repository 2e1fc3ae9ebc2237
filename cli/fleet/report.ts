// What `treadle fleet` says: a table of the named tasks, and what is left to say about those that need a person.
import type { FleetMember } from '../../sql/fleet.ts';
import { durationText, instantText } from '../duration.ts';
import { count } from '../operator.ts';
import { plainTable } from '../plain-table.ts';
import type { Terminal } from '../terminal.ts';

/** A task that Rails has had in progress for so long may be one that it has left behind. */
export const LEFT_AFTER_SECONDS = 600;

export function printFleet(terminal: Terminal, fleet: readonly FleetMember[]): void {
  if (fleet.length === 0) {
    terminal.print('there is no named task yet');
    return;
  }
  const table = plainTable(terminal, [
    'tasks of',
    'run in',
    'because',
    'in treadle',
    'in rails',
    'to hand over',
  ]);
  for (const member of fleet) {
    const { engine, moving, in_treadle, in_rails, leaving, for_rails } = member;
    table.push([
      titleOf(member),
      moving ? `${engine} (moving)` : engine,
      becauseOf(member),
      leaving > 0 ? `${in_treadle} (${leaving} leave)` : in_treadle,
      in_rails,
      for_rails,
    ]);
  }
  terminal.print(table.toString());
  for (const line of fleet.flatMap(remarksOn)) terminal.note(line);
}

export function titleOf({ namespace_name, name, version }: FleetMember): string {
  if (name === null) return `${namespace_name}/*`;
  return `${namespace_name}/${name}${version === null ? '' : `@${version}`}`;
}

function becauseOf({ rule, chosen_by, chosen_at, reason }: FleetMember): string {
  if (rule === 'template') return 'a template describes it';
  if (rule === 'none') return 'no template describes it';
  const what = rule === 'namespace' ? 'its namespace was chosen' : 'it was chosen';
  const since = chosen_at === null ? '' : ` since ${instantText(chosen_at)}`;
  return `${what} by ${chosen_by ?? 'somebody'}${since}${reason === null ? '' : `: ${reason}`}`;
}

function remarksOn(member: FleetMember): string[] {
  const { engine, rule, described, in_rails, oldest_in_rails_seconds: oldest } = member;
  const chosen = rule === 'named_task' || rule === 'namespace';
  const remarks = [];
  if (chosen && engine === 'rails' && !described && member.version === null)
    remarks.push(`${titleOf(member)} does not exist yet`);
  if (engine === 'treadle' && oldest !== null && oldest > LEFT_AFTER_SECONDS) {
    remarks.push(
      `${titleOf(member)}: ${count(in_rails, 'task')} in progress in Rails, the oldest for ${durationText(oldest * 1000)}; ` +
        'where no worker of Rails runs any more, "treadle adopt --yes" takes them',
    );
  }
  return remarks;
}
