// What operators may do to a task, at random: the part of a history that is theirs.
import fc from 'fast-check';
import {
  cancelTasks,
  listPauses,
  pause,
  PAUSE_SCOPES,
  resolveSteps,
  resolveTasks,
  resume,
  retrySteps,
  retryTasks,
  type PauseScope,
} from '../../sql/controls.ts';
import type { World } from './factories.ts';

export type OperatorAct =
  | { readonly kind: 'operator cancels' }
  | { readonly kind: 'operator retries the task' }
  | { readonly kind: 'operator resolves the task' }
  | { readonly kind: 'operator retries a step'; readonly nth: number }
  | { readonly kind: 'operator resolves a step'; readonly nth: number; readonly force: boolean }
  | { readonly kind: 'operator pauses'; readonly scope: PauseScope }
  | { readonly kind: 'operator resumes'; readonly scope: PauseScope };

const nth = fc.nat({ max: 30 });
const scope = fc.constantFrom(...PAUSE_SCOPES);

export const anyOperatorAct: fc.Arbitrary<OperatorAct> = fc.oneof(
  fc.record({ kind: fc.constant('operator retries the task' as const) }),
  fc.record({ kind: fc.constant('operator resolves the task' as const) }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('operator retries a step' as const), nth }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('operator resolves a step' as const),
      nth,
      force: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('operator pauses' as const), scope }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('operator resumes' as const), scope }) },
  fc.record({ kind: fc.constant('operator cancels' as const) }),
);

const ann = { by: 'ann', reason: 'a history' };

export async function operate(world: World, act: OperatorAct): Promise<void> {
  const { db, taskId } = world;
  if (act.kind === 'operator cancels') await cancelTasks(db, [taskId], ann);
  else if (act.kind === 'operator retries the task') await retryTasks(db, [taskId], ann);
  else if (act.kind === 'operator resolves the task') await resolveTasks(db, [taskId], ann);
  else if (act.kind === 'operator retries a step') await retrySteps(db, [stepOf(world, act.nth)], ann);
  else if (act.kind === 'operator resolves a step')
    await resolveSteps(db, [stepOf(world, act.nth)], { ...ann, force: act.force });
  else if (act.kind === 'operator resumes') await resume(db, subjectOf(world, act.scope));
  else if (act.kind === 'operator pauses') await pauseIfOpen(world, act.scope);
}

/** Nothing is paused any more. */
export async function resumeAll({ db }: World): Promise<void> {
  for (const found of await listPauses(db)) await resume(db, found);
}

function subjectOf({ taskId, handler }: World, of: PauseScope): { scope: PauseScope; subject: string } {
  return { scope: of, subject: { task: String(taskId), namespace: 'test', handler }[of] };
}

/** A task that has ended refuses to be paused, and a refusal would end the transaction of the history. */
async function pauseIfOpen(world: World, of: PauseScope): Promise<void> {
  const rows = await world.db.query(
    `select
     from treadle.states_of_tasks(array[$1::bigint], array['pending', 'in_progress', 'error']) as open (states)
     where states <> '{}'`,
    [world.taskId],
  );
  if (rows.length > 0) await pause(world.db, subjectOf(world, of), ann);
}

function stepOf({ stepIds }: World, index: number): number {
  const ids = Object.values(stepIds);
  return ids[index % ids.length] ?? 0;
}
