// The view and functions of the Rails engine that look at the whole database, in `public` in the place of ours, as an app of the Rails
// engine has them.
import { readFile } from 'node:fs/promises';
import type { Database } from '../../sql/database.ts';

const THINGS = [
  'view %s.tasker_step_dag_relationships',
  'function %s.get_system_health_counts_v01',
  'function %s.get_analytics_metrics_v01',
];

export async function installOriginals(database: Database): Promise<void> {
  const text = await readFile(new URL('./as-in-rails.sql', import.meta.url), 'utf8');
  await database.transaction(async (tx) => {
    await tx.query(text);
    for (const thing of THINGS) {
      await tx.query(`drop ${thing.replace('%s', 'public')}`);
      await tx.query(`alter ${thing.replace('%s', 'as_in_rails')} set schema public`);
    }
    await tx.query('drop schema as_in_rails');
  });
}
