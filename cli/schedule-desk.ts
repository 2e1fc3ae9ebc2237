// What the commands of `treadle schedule` work with: the database and the schedules in it. No engine is needed.
import type { Command } from 'commander';
import { Schedules } from '../engine/schedules/schedules.ts';
import { Templates, type RegisteredTemplate } from '../engine/templates.ts';
import type { TemplateReference } from './arguments.ts';
import type { ContextOf } from './context.ts';
import { taskCreator } from './create-tasks.ts';
import { findTemplate } from './find-template.ts';
import { requireCurrent, withDatabase } from './open-database.ts';
import type { Terminal } from './terminal.ts';

export interface Desk {
  readonly terminal: Terminal;
  readonly schedules: Schedules;
  /** Throws `unknown_template`, with what was probably meant. */
  readonly find: (reference: TemplateReference) => Promise<RegisteredTemplate>;
}

export async function atDesk(
  contextOf: ContextOf,
  command: Command,
  work: (desk: Desk) => Promise<void>,
): Promise<void> {
  const { terminal, config } = contextOf(command);
  const settings = config();
  await withDatabase(settings, { maxConnections: 2 }, async ({ database }) => {
    await requireCurrent(database);
    const templates = new Templates(database, settings.environment);
    const schedules = new Schedules({ database, templates, tasks: taskCreator(database, templates) });
    await work({ terminal, schedules, find: (reference) => findTemplate(database, templates, reference) });
  });
}
