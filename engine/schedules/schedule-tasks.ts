// The tasks of a schedule: what each is given, and how a due schedule becomes some. All of it happens in the transaction
// that has locked the schedule: its tasks and its next tick are written together, or neither is.
import { dueTicks, type Due } from '../../core/schedule/due.ts';
import { Ticks } from '../../core/schedule/ticks.ts';
import type { Executor } from '../../sql/database.ts';
import { advanceSchedules, type DueSchedule, type ScheduleRow } from '../../sql/schedules.ts';
import type { TaskCreator, TaskRequest } from '../task-requests.ts';

/** A transaction that creates so many (a backfill) leaves the other schedules to the next. */
const TASKS_AT_ONCE = 500;

export interface Taken {
  readonly schedule: DueSchedule;
  readonly task_ids: readonly number[];
  /** Some of its ticks were missed, and become no task. */
  readonly leftOut: boolean;
}

/** Creates a task for each due tick, all of them or none, and moves the schedules on. Those it did not get to are left out. */
export async function takeTicks(
  tx: Executor,
  tasks: TaskCreator,
  schedules: readonly DueSchedule[],
): Promise<Taken[]> {
  const plans = plansFor(schedules);
  const requests = plans.flatMap(({ schedule, due }) =>
    due.ticks.map((tick) => requestForTick(schedule, tick)),
  );
  const created = requests.length > 0 ? await tasks.create(requests, { client: tx }) : [];
  let from = 0;
  const taken = plans.map(({ schedule, due }) => {
    const own = created.slice(from, (from += due.ticks.length));
    return { schedule, due, leftOut: due.leftOut, task_ids: own.map(({ task_id }) => task_id) };
  });
  await advanceSchedules(
    tx,
    taken.map(({ schedule: { schedule_id }, due: { next_at, ticks }, task_ids }) => {
      return { schedule_id, next_at, last_tick_at: ticks.at(-1) ?? null, task_ids };
    }),
  );
  return taken;
}

interface Plan {
  readonly schedule: DueSchedule;
  readonly due: Due;
}

function plansFor(schedules: readonly DueSchedule[]): Plan[] {
  const plans: Plan[] = [];
  let tasks = 0;
  for (const schedule of schedules) {
    if (tasks >= TASKS_AT_ONCE) break;
    const due = dueTicks(new Ticks(schedule), schedule);
    tasks += due.ticks.length;
    plans.push({ schedule, due });
  }
  return plans;
}

/** The identity makes a second task for the same tick impossible, whatever else went wrong. */
function requestForTick(schedule: DueSchedule, tick: Date): TaskRequest {
  const request = requestOf(schedule);
  const instant = tick.toISOString();
  return {
    ...request,
    identity_key: `schedule:${schedule.schedule_id}:${instant}`,
    requested_at: tick,
    tags: [...(request.tags ?? []), `scheduled_for:${instant}`],
  };
}

/** A task of this schedule that is for no tick. */
export function requestOf({ labels, ...schedule }: ScheduleRow): TaskRequest {
  return {
    initiator: 'schedule',
    source_system: 'treadle',
    reason: 'scheduled',
    ...labels,
    namespace_name: schedule.namespace_name,
    name: schedule.task_name,
    version: schedule.version ?? undefined,
    context: schedule.context,
    tags: [...(labels.tags ?? []), `schedule:${schedule.name}`],
  };
}
