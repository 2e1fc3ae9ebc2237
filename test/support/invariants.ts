// What holds of the tables after anything Treadle did: treadle.check_invariants, and that no step has had more attempts than it
// may, which an operator who lowers a limit later can break.
import type { Executor } from '../../sql/database.ts';
import { checkInvariants } from '../../sql/invariants.ts';

/** Sentences about what is broken in these tasks, or in all; empty when all is well. */
export async function violations(db: Executor, taskIds?: readonly number[]): Promise<string[]> {
  const broken = await checkInvariants(db, taskIds);
  const overdone = await db.query<{ violation: string }>(OVERDONE);
  return [
    ...broken.map(({ subject, subject_id, violation }) => `${subject} ${subject_id}: ${violation}`),
    ...overdone.map(({ violation }) => violation),
  ];
}

const OVERDONE = `
select 'step ' || workflow_step_id || ': attempts ' || attempts || ' of ' || allowance as violation
from (
  select workflow_step_id, attempts,
    case when retryable then coalesce(retry_limit, 3) else least(coalesce(retry_limit, 3), 1) end as allowance
  from public.tasker_workflow_steps
) s
where attempts > greatest(allowance, 0)`;
