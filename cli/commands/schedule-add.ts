// `treadle schedule add`: the context comes in as that of `treadle run` does, and is checked before anything is stored.
import { Option, type Command } from 'commander';
import { TreadleError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { MISSED_POLICIES, MOST_BACKFILLED, type MissedPolicy } from '../../core/schedule/schedule.ts';
import type { RegisteredTemplate } from '../../engine/templates.ts';
import { collect, templateReference, wholeNumber, type TemplateReference } from '../arguments.ts';
import type { ContextOf } from '../context.ts';
import { instantText, parseDuration } from '../duration.ts';
import { INPUT_FORMATS, type InputRow } from '../input/source.ts';
import { operatorOf } from '../operator.ts';
import { openRunInput, type InputFlags } from '../run-input.ts';
import { atDesk, type Desk } from '../schedule-desk.ts';
import { taskText } from '../schedule-report.ts';

interface AddFlags extends InputFlags {
  readonly cron: string;
  readonly timezone: string;
  readonly name?: string;
  readonly missed?: MissedPolicy;
  readonly backfill?: number;
  readonly start?: string;
  readonly end?: string;
  readonly bypass?: string[];
  readonly initiator?: string;
  readonly sourceSystem?: string;
  readonly reason?: string;
  readonly tag?: string[];
  readonly deadline?: number;
}

export function registerScheduleAdd(schedule: Command, contextOf: ContextOf): void {
  schedule
    .command('add')
    .description('create a task whenever a cron expression says so')
    .argument('<namespace/name[@version]>', 'the template; without a version the latest', templateReference)
    .requiredOption('--cron <expression>', 'five fields, six with seconds first, or a word such as @hourly')
    .option('--timezone <name>', 'IANA name of the time zone in which it counts', 'UTC')
    .option(
      '-i, --input <file>',
      'the context of its tasks: .json, .jsonl or .csv with one row, or - for stdin',
    )
    .option('-c, --context <json>', 'the context of its tasks')
    .addOption(
      new Option('--format <format>', 'of an input whose name does not say it').choices(INPUT_FORMATS),
    )
    .option('--name <name>', 'of the schedule; default: that of the task')
    .addOption(
      new Option('--missed <policy>', 'ticks while no engine ran; default: skip').choices(MISSED_POLICIES),
    )
    .option('--backfill <n>', 'make up for so many missed ticks at most', wholeNumber(1, MOST_BACKFILLED))
    .option('--start <instant>', 'no tick before, like 2026-01-31T09:00:00Z')
    .option('--end <instant>', 'no tick from then on')
    .option('--bypass <step,...>', 'skippable steps to do without', collect)
    .option('--initiator <text>', 'who asks')
    .option('--source-system <text>', 'where the request comes from')
    .option('--reason <text>', 'why')
    .option('--tag <tag,...>', 'tags', collect)
    .option('--deadline <duration>', 'within which a task must have ended, like 10m', parseDuration)
    .addHelpText('after', EXAMPLES)
    .action((reference: TemplateReference, flags: AddFlags, self: Command) =>
      atDesk(contextOf, self, (desk) => add(desk, reference, flags)),
    );
}

const EXAMPLES = `
Examples:
  $ treadle schedule add shop/report --cron "0 7 * * mon-fri" --timezone Europe/Paris --context '{"shop": 1}'
  $ treadle schedule add shop/sync --cron @hourly --input shops.json --missed backfill --backfill 24 --name shops
`;

async function add(desk: Desk, reference: TemplateReference, flags: AddFlags): Promise<void> {
  const { terminal, schedules } = desk;
  const { namespace_name, name: task_name, version } = reference;
  const missed = missedOf(flags);
  const context = await contextOfInput(await desk.find(reference), flags);
  const added = await schedules.add(
    {
      namespace_name,
      task_name,
      context,
      cron: flags.cron,
      timezone: flags.timezone,
      ...given({ version, name: flags.name, missed, backfill_limit: flags.backfill }),
      ...given({ starts_at: flags.start, ends_at: flags.end, bypass_steps: flags.bypass, tags: flags.tag }),
      ...given({ initiator: flags.initiator, source_system: flags.sourceSystem, reason: flags.reason }),
      ...given({ deadline_seconds: flags.deadline }),
    },
    operatorOf({}),
  );
  terminal.printJson({ schedule: added });
  const next = added.next_at === null ? 'never' : instantText(added.next_at);
  terminal.print(`added schedule ${added.name}: ${taskText(added)}, first at ${next}`);
}

function missedOf({ missed, backfill }: AddFlags): MissedPolicy | undefined {
  if (backfill === undefined) return missed;
  if ((missed ?? 'backfill') === 'backfill') return 'backfill';
  throw new TreadleError('invalid_argument', `--missed: expected backfill beside --backfill, came ${missed}`);
}

/** A schedule has one context: that of each of its tasks. */
async function contextOfInput(registered: RegisteredTemplate, flags: AddFlags): Promise<JsonObject> {
  const input = await openRunInput(flags);
  try {
    const rows: InputRow[] = [];
    for await (const row of input.read(registered)) {
      rows.push(row);
      if (rows.length > 1) break;
    }
    const [row] = rows;
    if (row === undefined || rows.length > 1) {
      const came = row === undefined ? 'none' : 'several';
      throw new TreadleError('invalid_argument', `expected one row in the input of a schedule, came ${came}`);
    }
    if (row.problem !== undefined) throw new TreadleError('invalid_context', `${row.place}: ${row.problem}`);
    return registered.validateContext(row.value);
  } finally {
    await input.dispose();
  }
}

/** Without the keys that are undefined. */
function given<Values extends object>(
  values: Values,
): { [Key in keyof Values]?: Exclude<Values[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
