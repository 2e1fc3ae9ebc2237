// The schedules that templates say: registered, changed and removed together with them. Those added by hand are not touched.
import { listOf } from '../../core/schedule/template-rules.ts';
import { boundsOf, type ScheduleSpec } from '../../core/schedule/schedule.ts';
import { Ticks } from '../../core/schedule/ticks.ts';
import type { TaskTemplate } from '../../core/template/template.ts';
import type { Executor } from '../../sql/database.ts';
import {
  databaseNow,
  putTemplateSchedules,
  type ScheduleLabels,
  type TemplateSchedule,
} from '../../sql/schedules.ts';

/** In the transaction that registers the template. */
export async function registerSchedules(
  tx: Executor,
  namedTaskId: number,
  template: TaskTemplate,
): Promise<void> {
  const specs = listOf(template.schedule);
  const now = specs.length > 0 ? await databaseNow(tx) : new Date(0);
  const schedules = specs.map((spec) => templateSchedule(template, spec, now));
  await putTemplateSchedules(tx, namedTaskId, schedules);
}

function templateSchedule(template: TaskTemplate, spec: ScheduleSpec, now: Date): TemplateSchedule {
  const { name, cron, timezone, missed, backfill_limit, context } = spec;
  const bounds = boundsOf(spec);
  return {
    name: [template.namespace_name, template.name, ...(name === undefined ? [] : [name])].join('/'),
    cron,
    timezone,
    missed,
    backfill_limit,
    ...bounds,
    context,
    labels: labelsOf(spec),
    next_at: new Ticks({ cron, timezone, ...bounds }).after(now) ?? null,
  };
}

/** Those that were given. */
export function labelsOf(spec: ScheduleSpec): ScheduleLabels {
  const { initiator, source_system, reason, tags, bypass_steps, deadline_seconds } = spec;
  const labels = { initiator, source_system, reason, tags, bypass_steps, deadline_seconds };
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== undefined));
}
