// `treadle fleet`: which named tasks run in Treadle and which in the Rails engine, during a migration from one to the other.
import { Argument, type Command } from 'commander';
import type { Database } from '../../sql/database.ts';
import { chooseEngine, FLEET_ENGINES, forgetChoice, listFleet, type FleetEngine } from '../../sql/fleet.ts';
import type { ContextOf } from '../context.ts';
import { printFleet, titleOf } from '../fleet/report.ts';
import { sum, waitForMove } from '../fleet/wait-for-move.ts';
import { onInterrupt } from '../interrupt.ts';
import { count, operate, operatorOf, withOperatorOptions, type OperatorFlags } from '../operator.ts';
import { ExitStatus, INTERRUPTED } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';

interface ChooseFlags extends OperatorFlags {
  readonly new?: boolean;
  readonly again?: boolean;
  readonly wait: boolean;
}

const SUBJECT = 'payments, or payments/checkout for all versions of a named task';

export function registerFleet(program: Command, contextOf: ContextOf): void {
  const fleet = program
    .command('fleet')
    .description('which named tasks run in Treadle and which in the Rails engine')
    .addHelpText(
      'after',
      '\nExamples:\n  $ treadle fleet\n  $ treadle fleet choose payments rails\n  $ treadle fleet choose payments/checkout treadle --reason "its handlers are ported"\n  $ treadle fleet forget payments/checkout\n',
    );
  registerList(fleet, contextOf);
  registerChoose(fleet, contextOf);
  registerForget(fleet, contextOf);
}

function registerList(fleet: Command, contextOf: ContextOf): void {
  fleet
    .command('list', { isDefault: true })
    .description('every named task, where it runs and why, and where its unfinished tasks are')
    .action((_flags: object, self: Command) =>
      operate(contextOf, self, async (terminal, database) => {
        const members = await listFleet(database);
        terminal.printJson({ fleet: members });
        if (!terminal.json) printFleet(terminal, members);
      }),
    );
}

function registerChoose(fleet: Command, contextOf: ContextOf): void {
  withOperatorOptions(fleet.command('choose'))
    .description('choose the engine of a namespace or a named task, and move its unfinished tasks there')
    .argument('<subject>', SUBJECT)
    .addArgument(new Argument('<engine>', 'where its tasks run').choices(FLEET_ENGINES))
    .option('--new', 'the namespace or named task does not exist yet')
    .option('--again', 'hand the tasks that wait in Rails to it again: its queue has lost their jobs')
    .option('--no-wait', 'do not wait until the tasks have moved')
    .action((subject: string, engine: FleetEngine, flags: ChooseFlags, self: Command) =>
      operate(contextOf, self, async (terminal, database) => {
        const interrupt = flags.wait ? onInterrupt() : undefined; // from here on the choice may stand
        const chosen = await chooseEngine(
          database,
          { subject, engine, isNew: flags.new, again: flags.again },
          operatorOf(flags),
        );
        terminal.print(
          chosen.done
            ? `${subject} runs in ${engine} from now on`
            : `${subject} was chosen for ${engine} already`,
        );
        if (interrupt) await finishMove(terminal, database, interrupt.signal, { subject, engine, ...chosen });
        else terminal.printJson({ subject, engine, ...chosen });
      }),
    );
}

function registerForget(fleet: Command, contextOf: ContextOf): void {
  fleet
    .command('forget')
    .description('take a choice back: that of the namespace holds, or else a template decides')
    .argument('<subject>', SUBJECT)
    .action((subject: string, _flags: object, self: Command) =>
      operate(contextOf, self, async (terminal, database) => {
        const forgotten = await forgetChoice(database, subject);
        terminal.printJson({ subject, ...forgotten });
        const moving = forgotten.moving === 0 ? '' : `; ${moveText(forgotten.moving, 'named task', 'move')}`;
        terminal.print(
          forgotten.done ? `forgot the choice for ${subject}${moving}` : `${subject} had no choice`,
        );
      }),
    );
}

interface Choosing {
  readonly subject: string;
  readonly engine: FleetEngine;
  readonly done: boolean;
  readonly moving: number;
}

async function finishMove(
  terminal: Terminal,
  database: Database,
  signal: AbortSignal,
  choosing: Choosing,
): Promise<void> {
  const { subject, engine } = choosing;
  const members = await waitForMove(terminal, database, { subject, engine, signal });
  const interrupted = members.some(({ moving }) => moving);
  const in_rails = sum(members, (member) => (member.described ? member.in_rails : 0));
  const for_rails = sum(members, (member) => member.for_rails);
  terminal.printJson({ ...choosing, in_rails, for_rails, interrupted });
  if (interrupted) {
    terminal.note('interrupted: the choice stands, and running engines go on moving its tasks');
    throw new ExitStatus(INTERRUPTED);
  }
  terminal.print(engine === 'rails' ? goneText(for_rails) : comeText(in_rails));
  if (engine === 'rails') return;
  for (const member of members.filter(({ described }) => !described)) {
    terminal.note(`no template describes ${titleOf(member)} yet: it comes when an engine registers one`);
  }
}

function goneText(forRails: number): string {
  if (forRails === 0) return 'nothing of it is left in Treadle';
  return `nothing of it is left in Treadle; ${moveText(forRails, 'task', 'wait')} to be handed to Rails`;
}

/** `1 task waits`, `2 tasks wait`. */
function moveText(number: number, noun: string, verb: string): string {
  return `${count(number, noun)} ${verb}${number === 1 ? 's' : ''}`;
}

function comeText(inRails: number): string {
  if (inRails === 0) return 'nothing of it is left in Rails';
  return `${count(inRails, 'task')} in progress in Rails: it ends them, or they come when it puts them back`;
}
