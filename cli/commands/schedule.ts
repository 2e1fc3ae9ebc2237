// `treadle schedule`: tasks that begin by themselves. The engines create them; these commands only change what is due when.
import type { Command } from 'commander';
import type { ContextOf } from '../context.ts';
import { instantText } from '../duration.ts';
import { operatorOf, withOperatorOptions, type OperatorFlags } from '../operator.ts';
import { atDesk } from '../schedule-desk.ts';
import { printSchedule, printSchedules } from '../schedule-report.ts';
import { registerScheduleAdd } from './schedule-add.ts';

export function registerSchedule(program: Command, contextOf: ContextOf): void {
  const schedule = program
    .command('schedule')
    .description('tasks that begin by themselves, by a cron expression');
  registerScheduleAdd(schedule, contextOf);
  schedule
    .command('list')
    .description('list all schedules')
    .action((_flags: object, self: Command) =>
      atDesk(contextOf, self, async ({ terminal, schedules }) => {
        const listed = await schedules.list();
        terminal.printJson({ schedules: listed });
        if (!terminal.json) printSchedules(terminal, listed);
      }),
    );
  registerNamed(schedule, contextOf);
  registerPauses(schedule, contextOf);
}

function registerNamed(schedule: Command, contextOf: ContextOf): void {
  schedule
    .command('show')
    .description('show a schedule, its next five ticks and its latest tasks')
    .argument('<name>', 'of the schedule')
    .action((name: string, _flags: object, self: Command) =>
      atDesk(contextOf, self, async ({ terminal, schedules }) => {
        const shown = await schedules.show(name);
        terminal.printJson({ schedule: shown });
        if (!terminal.json) printSchedule(terminal, shown);
      }),
    );
  schedule
    .command('remove')
    .description('remove a schedule; its tasks stay')
    .argument('<name>', 'of the schedule')
    .action((name: string, _flags: object, self: Command) =>
      atDesk(contextOf, self, async ({ terminal, schedules }) => {
        const { from_template } = await schedules.remove(name);
        terminal.printJson({ name, done: true });
        terminal.print(`removed schedule ${name}`);
        if (from_template)
          terminal.note('its template still has it: it comes back when that is registered again');
      }),
    );
  schedule
    .command('run')
    .description('create a task of a schedule now, out of turn')
    .argument('<name>', 'of the schedule')
    .action((name: string, _flags: object, self: Command) =>
      atDesk(contextOf, self, async ({ terminal, schedules }) => {
        const { task_id } = await schedules.run(name);
        terminal.printJson({ name, task_id });
        terminal.print(`created task ${task_id} of schedule ${name}`);
      }),
    );
}

function registerPauses(schedule: Command, contextOf: ContextOf): void {
  withOperatorOptions(schedule.command('pause'))
    .description('create no tasks until it is resumed')
    .argument('<name>', 'of the schedule')
    .action((name: string, flags: OperatorFlags, self: Command) =>
      atDesk(contextOf, self, async ({ terminal, schedules }) => {
        const { done } = await schedules.pause(name, operatorOf(flags));
        terminal.printJson({ name, done });
        terminal.print(done ? `paused schedule ${name}` : `schedule ${name} is paused already`);
      }),
    );
  schedule
    .command('resume')
    .description('end a pause; what came due meanwhile is not made up for')
    .argument('<name>', 'of the schedule')
    .action((name: string, _flags: object, self: Command) =>
      atDesk(contextOf, self, async ({ terminal, schedules }) => {
        const { done } = await schedules.resume(name);
        const { next_at } = await schedules.find(name);
        terminal.printJson({ name, done, next_at });
        const next = next_at === null ? 'it has ended' : `next at ${instantText(next_at)}`;
        terminal.print(done ? `resumed schedule ${name}: ${next}` : `schedule ${name} was not paused`);
      }),
    );
}
