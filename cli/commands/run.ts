// `treadle run`: one task for each row of an input. All rows are checked first; the engine that runs the tasks lives in
// another process.
import { Option, type Command } from 'commander';
import { TreadleError } from '../../core/errors.ts';
import { Templates, type RegisteredTemplate } from '../../engine/templates.ts';
import type { Database } from '../../sql/database.ts';
import { unservedHandlers } from '../../sql/reports.ts';
import { collect, templateReference, type TemplateReference } from '../arguments.ts';
import type { CommandContext, ContextOf } from '../context.ts';
import { createAll, taskCreator, type CreatedTasks } from '../create-tasks.ts';
import { parseDuration } from '../duration.ts';
import { findTemplate } from '../find-template.ts';
import { idRanges } from '../id-ranges.ts';
import { INPUT_FORMATS } from '../input/source.ts';
import { onInterrupt } from '../interrupt.ts';
import { requireMigrated, withDatabase } from '../open-database.ts';
import { showProgress } from '../progress.ts';
import { ExitStatus, FAILED, INTERRUPTED } from '../report-error.ts';
import { checkRows, refuseBadRows, reportSkipped, type CheckedRows } from '../row-check.ts';
import { goodRequests, openRunInput, type InputFlags, type RunInput } from '../run-input.ts';
import { creationText, printOutcomes, summaryOf } from '../run-outcomes.ts';
import type { RowReader } from '../task-rows.ts';
import { templateTitle } from '../template-files.ts';
import type { Terminal } from '../terminal.ts';
import { unfinishedOf, waitForTasks, type PhaseCounts } from '../wait-for-tasks.ts';

interface RunFlags extends InputFlags {
  readonly wait?: boolean;
  readonly skipInvalid?: boolean;
  readonly identityKeyField?: string;
  readonly bypass?: string[];
  readonly initiator?: string;
  readonly sourceSystem?: string;
  readonly reason?: string;
  readonly tag?: string[];
  readonly deadline?: number;
}

export function registerRun(program: Command, contextOf: ContextOf): void {
  program
    .command('run')
    .description('create a task for each row of an input')
    .argument('<namespace/name[@version]>', 'the template; without a version the latest', templateReference)
    .option('-i, --input <file>', 'contexts: .json (one or an array), .jsonl, .csv, or - for stdin')
    .option('-c, --context <json>', 'the context of a single task')
    .addOption(
      new Option('--format <format>', 'of an input whose name does not say it').choices(INPUT_FORMATS),
    )
    .option('-w, --wait', 'wait until all have ended; exit 1 when one did not succeed')
    .option('--skip-invalid', 'leave bad rows out instead of creating nothing')
    .option(
      '--identity-key-field <field>',
      'key of the context that makes a task unique: run twice, created once',
    )
    .option('--bypass <step,...>', 'skippable steps to do without', collect)
    .option('--initiator <text>', 'who asks')
    .option('--source-system <text>', 'where the request comes from', 'cli')
    .option('--reason <text>', 'why')
    .option('--tag <tag,...>', 'tags', collect)
    .option('--deadline <duration>', 'within which a task must have ended, like 10m', parseDuration)
    .addHelpText('after', EXAMPLES)
    .action(async (reference: TemplateReference, flags: RunFlags, self: Command) => {
      await run(contextOf(self), reference, flags);
    });
}

const EXAMPLES = `
Examples:
  $ treadle run shop/order --context '{"order_id": 7}' --wait
  $ treadle run shop/order@1.2.0 --input orders.csv --skip-invalid --identity-key-field order_id
  $ generate-orders | treadle run shop/order --input - --format jsonl --json
`;

async function run(context: CommandContext, reference: TemplateReference, flags: RunFlags): Promise<void> {
  const { terminal } = context;
  const config = context.config();
  const input = await openRunInput(flags);
  const onProgress = (line: string): void => terminal.note(line);
  try {
    await withDatabase(config, { onProgress, maxConnections: 3 }, async ({ database }) => {
      await requireMigrated(database);
      const templates = new Templates(database, config.environment);
      const registered = await findTemplate(database, templates, reference);
      const job = { terminal, database, templates, registered, input, flags, signal: onInterrupt().signal };
      const checked = await check(job);
      const created = await create(job, checked);
      if (job.signal.aborted) throw interrupted(job, created, checked);
      await warnWhenUnserved(job);
      if (flags.wait) await wait(job, created, checked);
      else terminal.printJson(summaryOf(registered, created, checked));
    });
  } finally {
    await input.dispose();
  }
}

interface Job {
  readonly terminal: Terminal;
  readonly database: Database;
  readonly templates: Templates;
  readonly registered: RegisteredTemplate;
  readonly input: RunInput;
  readonly flags: RunFlags;
  /** Aborts when Ctrl-C is pressed. */
  readonly signal: AbortSignal;
}

/** Reads all rows once. Throws unless there is something to create and, without --skip-invalid, all rows are good. */
async function check({ terminal, registered, input, flags, signal }: Job): Promise<CheckedRows> {
  const checked = await checkRows(input.read(registered), readerOf(registered, flags), signal);
  if (signal.aborted) throw new ExitStatus(INTERRUPTED); // nothing has been created
  if (checked.bad > 0 && !flags.skipInvalid) refuseBadRows(checked, templateTitle(registered.template));
  reportSkipped(terminal, checked);
  if (checked.good === 0) throw nothingToDo(checked);
  return checked;
}

async function create(job: Job, { good }: CheckedRows): Promise<CreatedTasks> {
  const { terminal, database, templates, registered, input, flags, signal } = job;
  const requests = goodRequests(input.read(registered), readerOf(registered, flags));
  const progress = showProgress(terminal, 'created', good);
  const created = await createAll(taskCreator(database, templates), { requests, progress, signal });
  terminal.print(creationText(registered, created));
  return created;
}

function interrupted({ terminal, registered }: Job, created: CreatedTasks, checked: CheckedRows): ExitStatus {
  terminal.note(`interrupted after ${created.task_ids.length} of ${checked.good} rows`);
  terminal.printJson(summaryOf(registered, created, checked));
  return new ExitStatus(INTERRUPTED);
}

async function wait(job: Job, created: CreatedTasks, checked: CheckedRows): Promise<void> {
  const { terminal, database, registered, signal } = job;
  const ranges = idRanges(created.task_ids);
  const total = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const progress = showProgress(terminal, 'ended', total);
  const counts = await waitForTasks(database, { ranges, progress, signal });
  terminal.printJson({ ...summaryOf(registered, created, checked), states: counts });
  await printOutcomes(terminal, database, ranges, counts);
  const status = statusOf(counts);
  if (status === INTERRUPTED) {
    terminal.note('no longer waiting; the tasks go on without this command ("treadle tasks" lists them)');
  }
  if (status !== 0) throw new ExitStatus(status);
}

function statusOf(counts: PhaseCounts): number {
  if (unfinishedOf(counts) > 0) return INTERRUPTED;
  return (counts.error ?? 0) + (counts.cancelled ?? 0) > 0 ? FAILED : 0;
}

function readerOf(registered: RegisteredTemplate, flags: RunFlags): RowReader {
  return {
    registered,
    identityKeyField: flags.identityKeyField,
    labels: {
      initiator: flags.initiator,
      source_system: flags.sourceSystem,
      reason: flags.reason,
      tags: flags.tag,
      bypass_steps: flags.bypass,
      deadline_seconds: flags.deadline,
    },
  };
}

function nothingToDo({ bad, problems }: CheckedRows): TreadleError {
  const message =
    bad === 0 ? 'expected at least one row in the input, came none' : `all ${bad} rows of the input are bad`;
  return new TreadleError('invalid_argument', message, { details: { problems } });
}

/** Nothing is worse than waiting for nobody. */
async function warnWhenUnserved({ terminal, database, registered }: Job): Promise<void> {
  const unserved = await unservedHandlers(database, [registered.named_task_id]);
  if (unserved.length === 0) return;
  const names = unserved.map(({ handler }) => handler).join(', ');
  terminal.note(
    `no live worker serves ${names}: the tasks wait until one does ("treadle dev" or "treadle start" runs one)`,
  );
}
