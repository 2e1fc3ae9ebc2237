// What became of the orders: tables for a person, read from the shop's tables and Treadle's.
import type { Database } from '../../index.ts';
import type { Files } from './files.ts';
import type { FlakyProvider } from './payments/flaky-provider.ts';
import type { Watched } from './watch.ts';
import type { Placed, Refusal } from './shop/place-orders.ts';
import { addCounts, newTable, oneLine, type Count } from './table.ts';

const REFUSALS_SHOWN = 10;

export interface Finished {
  readonly database: Database;
  readonly run: string;
  readonly provider: FlakyProvider;
  readonly files: Files;
}

export async function printReport(
  { database, run, provider, files }: Finished,
  { placed, watched }: { readonly placed: Placed; readonly watched: Watched },
): Promise<void> {
  const { progress, seconds } = watched;
  const retries = await readRetries(database, run);
  const table = newTable(['outcome', 'count', 'why']);
  const [invoices, mails] = [await files.readAll(run, 'invoices'), await files.readAll(run, 'outbox')];
  addCounts(table, [
    { what: 'complete', why: 'all ten steps done', count: progress.complete },
    ...(await readFailures(database, run)).map((row) => ({ ...row, what: `failed in ${row.what}` })),
    { what: 'refused at the border', why: 'does not fit the schema: no task', count: placed.refused.length },
    { what: 'sent twice', why: 'same identity key: the task that was there', count: placed.duplicates },
    { what: 'invoices written', why: 'HTML files', count: invoices.length },
    { what: 'mails written', why: '.eml files', count: mails.length },
  ]);
  console.log(table.toString());

  const work = newTable(['retries', 'count', 'because']);
  addCounts(work, retries);
  if (retries.length === 0) work.push(['none', 0, '']);
  console.log(work.toString());
  const programs = newTable(['program', 'count', 'as others have written it down']);
  addCounts(programs, await readPrograms(database, run, provider));
  console.log(programs.toString());
  printRefusals(placed.refused);
  const made = retries.reduce((sum, { count }) => sum + count, 0);
  const { requests, repeats } = provider.counts;
  const rate = Math.round(progress.steps / seconds);
  console.log(`${progress.steps} steps and ${made} retries in ${seconds.toFixed(1)} s (${rate} steps/s).`);
  console.log(
    `${requests} requests at the payment provider, ${repeats} of them repeats, known by their key.`,
  );
}

/** Steps that ended a task, with the error code that their handler gave (PermanentError's errorCode). */
function readFailures(database: Database, run: string): Promise<Count[]> {
  return database.query<Count>(
    `select n.name as what,
       coalesce(s.results ->> 'error_code', t.metadata ->> 'code')
         || case when count(distinct s.results ->> 'error') > 1 then ', like: ' else ': ' end
         || min(s.results ->> 'error') as why,
       count(*)::integer as count
     from shop.orders o
     join public.tasker_workflow_steps s on s.task_id = o.task_id
     join public.tasker_named_steps n on n.named_step_id = s.named_step_id
     join public.tasker_workflow_step_transitions t on t.workflow_step_id = s.workflow_step_id and t.most_recent
     where o.run = $1 and t.to_state = 'error'
     group by n.name, coalesce(s.results ->> 'error_code', t.metadata ->> 'code')
     order by count(*) desc, 1, 2`,
    [run],
  );
}

/** Every attempt that failed and was made again is in the audit trail, with what it failed of. */
function readRetries(database: Database, run: string): Promise<Count[]> {
  return database.query<Count>(
    `select n.name as what, t.metadata ->> 'error_message' as why, count(*)::integer as count
     from shop.orders o
     join public.tasker_workflow_steps s on s.task_id = o.task_id
     join public.tasker_named_steps n on n.named_step_id = s.named_step_id
     join public.tasker_workflow_step_transitions t on t.workflow_step_id = s.workflow_step_id
     where o.run = $1 and t.to_state = 'error' and t.metadata @> '{"retry_available": true}'
     group by 1, 2
     order by count(*) desc, 1, 2`,
    [run],
  );
}

/** Not what the demo believes: the provider notes who asks, and every shipment who has sent it. */
async function readPrograms(database: Database, run: string, provider: FlakyProvider): Promise<Count[]> {
  const shipments = await database.query<Count>(
    `select shipped_by as what, 'shipments: ship_order' as why, count(*)::integer as count
     from shop.shipments
     where run = $1
     group by shipped_by
     order by shipped_by`,
    [run],
  );
  const why = 'requests at the provider: authorize_payment, capture_payment';
  return [...[...provider.callers].map(([what, count]) => ({ what, count, why })), ...shipments];
}

function printRefusals(refused: readonly Refusal[]): void {
  if (refused.length === 0) return;
  console.log('Refused at the border:');
  for (const { line, reasons } of refused.slice(0, REFUSALS_SHOWN)) {
    console.log(`  line ${line}: ${oneLine(reasons.join('; '), 16)}`);
  }
  if (refused.length > REFUSALS_SHOWN) console.log(`  and ${refused.length - REFUSALS_SHOWN} more`);
}
