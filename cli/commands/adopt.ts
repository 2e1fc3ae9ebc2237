// `treadle adopt`: brings Treadle to a database that the Rails engine has migrated, while the app writes. It looks first, and refuses
// what must be mended; `--check` only looks. Interrupted or killed, the next run goes on.
import { Option, type Command } from 'commander';
import { adopt, countOpenTasks } from '../../sql/adoption/adopt.ts';
import { checkAdoption, type AdoptionCheck } from '../../sql/adoption/check.ts';
import type { Database } from '../../sql/database.ts';
import { replacedDefinitions } from '../../sql/function-tuning/definitions.ts';
import { confirm } from '../adopt/ask.ts';
import { showAdoption, showCheck } from '../adopt/report.ts';
import type { ContextOf } from '../context.ts';
import { durationText, parseDuration } from '../duration.ts';
import { onInterrupt } from '../interrupt.ts';
import { withDatabase } from '../open-database.ts';
import { showProgress } from '../progress.ts';
import { ExitStatus, FAILED, INTERRUPTED } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';

interface AdoptFlags {
  readonly check?: boolean;
  readonly yes?: boolean;
  readonly leftAfter: number;
  readonly patience: number;
}

export function registerAdopt(program: Command, contextOf: ContextOf): void {
  program
    .command('adopt')
    .description('bring Treadle to a database that a Rails app with the Tasker engine works on')
    .option('--check', 'only look, in a read-only transaction; exit 1 when something must be mended first')
    .addOption(new Option('-y, --yes', 'do not ask').conflicts('check'))
    .option(
      '--left-after <duration>',
      'unmoved for so long, a task counts as left behind',
      parseDuration,
      3600,
    )
    .option('--patience <duration>', 'for how long to try to get the two locks', parseDuration, 300)
    .addHelpText('after', '\nExamples:\n  $ treadle adopt --check\n  $ treadle adopt --yes\n')
    .action(async (flags: AdoptFlags, self: Command) => {
      const { terminal, config } = contextOf(self);
      await withDatabase(config(), { maxConnections: 2 }, async ({ database }) => {
        const check = await look(terminal, database, flags);
        if (flags.check === true) showCheck(terminal, check);
        if (!check.can_be_adopted) refuse(terminal, check, flags);
        if (flags.check !== true && (await isWanted(terminal, check, flags)))
          await run(terminal, database, flags);
      });
    });
}

async function look(
  terminal: Terminal,
  database: Database,
  { leftAfter }: AdoptFlags,
): Promise<AdoptionCheck> {
  const onProgress = (line: string): void => terminal.note(line);
  return checkAdoption(database, { leftAfterSeconds: leftAfter, onProgress });
}

function refuse(terminal: Terminal, check: AdoptionCheck, flags: AdoptFlags): never {
  if (flags.check !== true) showCheck(terminal, check);
  throw new ExitStatus(FAILED);
}

async function isWanted(terminal: Terminal, check: AdoptionCheck, { yes }: AdoptFlags): Promise<boolean> {
  if (yes === true) return true;
  const time = durationText((check.estimated_seconds ?? 0) * 1000);
  return confirm(
    terminal,
    `Adopt it now, in about ${time}? ("treadle adopt --check" says all that was found)`,
  );
}

async function run(terminal: Terminal, database: Database, { patience }: AdoptFlags): Promise<void> {
  const { signal } = onInterrupt();
  const progress = showProgress(terminal, 'adopted: looked at', await countOpenTasks(database));
  try {
    const adoption = await adopt(database, {
      patienceMs: patience * 1000,
      signal,
      onProgress: (line) => terminal.note(line),
      onTasks: ({ looked_at, adopted }) => progress.update(looked_at, `${adopted} adopted`),
    });
    progress.stop();
    showAdoption(terminal, adoption, (await replacedDefinitions(database)).length > 0);
    if (adoption.interrupted) throw new ExitStatus(INTERRUPTED);
  } finally {
    progress.stop();
  }
}
