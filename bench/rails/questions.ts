// What is asked in SQL: the view, the health counts, the figures of the analytics page; of ours in `public`, of the Rails engine's
// in the schema `as_in_rails`.
import type { Database, Executor } from '../../sql/database.ts';
import { rounded } from '../measure.ts';
import { ask, type Times } from './asked.ts';
import type { QuestionRow } from './result.ts';

/** Those of Rails take seconds. */
const TIMES_FOR_RAILS = 3;
const HEALTH = 'get_system_health_counts_v01()';

interface Question {
  readonly what: string;
  /** Behind `select * from <schema>.`; the ids of a task and of its fifth step stand where their names do. */
  readonly from: string;
  /** Its function in Rails always raises. */
  readonly oursAlone?: true;
}

const QUESTIONS: readonly Question[] = [
  {
    what: 'one step in the view tasker_step_dag_relationships',
    from: 'tasker_step_dag_relationships where workflow_step_id = :step_id',
  },
  {
    what: 'the steps of one task in that view',
    from: 'tasker_step_dag_relationships where task_id = :task_id',
  },
  { what: 'health counts', from: HEALTH },
  { what: 'analytics of the last hour', from: 'get_analytics_metrics_v01()' },
  {
    what: 'analytics of the last seven days',
    from: `get_analytics_metrics_v01(now() - interval '7 days')`,
  },
  { what: 'slowest tasks of the last day', from: 'get_slowest_tasks_v01()', oursAlone: true },
  { what: 'slowest steps of the last day', from: 'get_slowest_steps_v01()', oursAlone: true },
];

export async function askBoth(
  database: Database,
  runs: number,
  onProgress: (line: string) => void,
): Promise<QuestionRow[]> {
  const [ids] = await database.query<{ task_id: number; step_id: number }>(
    `select task_id, workflow_step_id as step_id
     from tasker_workflow_steps
     where task_id = (select max(task_id) / 2 + 1 from tasker_tasks)
     order by workflow_step_id
     offset 4 limit 1`,
  );
  if (!ids) throw new Error('the history has no task in its middle');
  const rows: QuestionRow[] = [];
  for (const question of QUESTIONS) {
    // oxlint-disable-next-line no-await-in-loop -- questions that were asked together would measure each other
    const row = await askOne(database, question, ids, runs);
    onProgress(`rails: ${row.what}: ${row.ours.median_ms} ms, in Rails ${row.rails?.median_ms ?? '-'} ms`);
    rows.push(row);
  }
  return rows;
}

async function askOne(
  db: Executor,
  { what, from, oursAlone }: Question,
  { task_id, step_id }: { readonly task_id: number; readonly step_id: number },
  runs: number,
): Promise<QuestionRow> {
  const source = from.replace(':task_id', String(task_id)).replace(':step_id', String(step_id));
  const ours = await ask(db, `select * from public.${source}`, runs);
  if (oursAlone) return { what, ours, rails: null, times_faster: null };
  const rails = await ask(db, `select * from as_in_rails.${source}`, Math.min(runs, TIMES_FOR_RAILS));
  return { what, ours, rails, times_faster: rounded(rails.median_ms / ours.median_ms) };
}

export async function askHealth(db: Executor, runs: number): Promise<Times> {
  return ask(db, `select * from public.${HEALTH}`, runs);
}
