// Databases as an app of the Rails engine leaves them: its tables, view and functions, and nothing of ours.
import { registerHistoryTemplate, writeHistory } from '../../bench/history.ts';
import type { Executor } from '../../sql/database.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { loadWorld, type LoadedWorld, type RailsWorld } from './rails-world.ts';

/** The caller drops it. */
export async function createRailsDatabase(): Promise<TestDatabase> {
  const test = await createTestDatabase();
  await test.database.query('drop schema treadle cascade');
  return test;
}

export interface OfferedSteps {
  readonly ready: readonly object[];
  readonly gates: readonly object[];
}

/** With so many tasks of ten steps (bench/history.ts), half of them unfinished; and what Treadle would keep of them. */
export async function createRailsHistory(
  tasks: number,
): Promise<TestDatabase & { readonly kept: OfferedSteps }> {
  const test = await createTestDatabase();
  await writeHistory(test.database, tasks * 10);
  const kept = await keptSteps(test.database);
  await test.database.query('drop schema treadle cascade');
  return { ...test, kept };
}

export { registerHistoryTemplate };

/** The derived rows. */
export async function keptSteps(db: Executor): Promise<OfferedSteps> {
  return {
    ready: await db.query('select * from treadle.ready_steps order by workflow_step_id'),
    gates: await db.query('select * from treadle.gates order by workflow_step_id'),
  };
}

type StepRow = RailsWorld['steps'][number];

const FRESH = {
  retryable: true,
  retry_limit: 3,
  in_process: false,
  processed: false,
  attempts: 0,
  backoff_request_seconds: null,
  last_attempted_ago: null,
  transitions: [],
};

/** One task of two hours ago with these steps, every one after the one before it. */
export async function loadTask(
  db: Executor,
  state: string | undefined,
  ...steps: readonly Partial<StepRow>[]
): Promise<LoadedWorld> {
  const rows = steps.map((step, place) => ({ ...FRESH, key: `s${place}`, ...step }));
  return loadWorld(db, {
    created_ago: 7200,
    steps: rows,
    edges: rows.slice(1).map(({ key }, place) => [rows[place]?.key ?? '', key] as const),
    task_transitions: state === undefined ? [] : [{ to_state: state, ago: 7000 }],
  });
}

/** The transitions of a step that came to this state long ago. */
export function reached(state: string): Pick<StepRow, 'transitions'> {
  return {
    transitions: [
      { to_state: 'in_progress', ago: 6900 },
      ...(state === 'in_progress' ? [] : [{ to_state: state, ago: 6800 }]),
    ],
  };
}
