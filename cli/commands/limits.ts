// `treadle limits`: how many steps of a handler or a namespace run at once, and start within a period. Templates say their
// own limits; here all of them are listed, with what runs and what waits.
import type { Command } from 'commander';
import { TreadleError } from '../../core/errors.ts';
import { parseRate, type Rate } from '../../core/limits/limits.ts';
import {
  listLimits,
  removeLimits,
  setLimits,
  type LimitSubject,
  type ListedLimit,
} from '../../sql/limits.ts';
import { wholeNumber } from '../arguments.ts';
import type { ContextOf } from '../context.ts';
import { limitText, rateText } from '../limit-text.ts';
import { count, operate } from '../operator.ts';
import { plainTable } from '../plain-table.ts';
import type { Terminal } from '../terminal.ts';

const LARGEST = 2_147_483_647;

interface SubjectFlags {
  readonly namespace?: string;
  readonly handler?: string;
}

interface SetFlags extends SubjectFlags {
  readonly concurrency?: number;
  readonly rate?: Rate;
}

interface RemoveFlags extends SubjectFlags {
  readonly concurrency?: boolean;
  readonly rate?: boolean;
}

export function registerLimits(program: Command, contextOf: ContextOf): void {
  const limits = program
    .command('limits')
    .description('how many steps run at once, and how many start within a period')
    .addHelpText(
      'after',
      '\nExamples:\n  $ treadle limits set --handler ChargeCard --concurrency 5 --rate 100/1m\n  $ treadle limits list\n  $ treadle limits remove --namespace billing\n',
    );
  registerList(limits, contextOf);
  registerSet(limits, contextOf);
  registerRemove(limits, contextOf);
}

function registerList(limits: Command, contextOf: ContextOf): void {
  limits
    .command('list', { isDefault: true })
    .description('all limits, those of templates too, with what runs and what waits')
    .action((_flags: object, self: Command) =>
      operate(contextOf, self, async (terminal, database) => {
        const listed = await listLimits(database);
        terminal.printJson({ limits: listed });
        if (!terminal.json) printLimits(terminal, listed);
      }),
    );
}

function registerSet(limits: Command, contextOf: ContextOf): void {
  withSubject(limits.command('set'))
    .description('limit a handler or a namespace from now on; what runs goes on, and counts')
    .option('--concurrency <steps>', 'so many run at once', wholeNumber(1, LARGEST))
    .option('--rate <steps/period>', 'so many start within any such period, like 100/1m', parseRate)
    .action(({ concurrency, rate, ...flags }: SetFlags, self: Command) =>
      operate(contextOf, self, async (terminal, database) => {
        const subject = subjectOf(flags);
        if (concurrency === undefined && rate === undefined)
          throw new TreadleError('invalid_argument', 'expected --concurrency or --rate, came neither');
        await setLimits(database, subject, { concurrency, rate });
        terminal.printJson({ ...subject, concurrency: concurrency ?? null, rate: rate ?? null });
        const said = [
          ...(concurrency === undefined ? [] : [`${concurrency} at once`]),
          ...(rate ? [rateText(rate.limit, rate.per_ms)] : []),
        ];
        terminal.print(`limited ${subject.scope} ${subject.subject}: ${said.join(', ')}`);
      }),
    );
}

function registerRemove(limits: Command, contextOf: ContextOf): void {
  withSubject(limits.command('remove'))
    .description('end the limits of a handler or a namespace; those of templates are changed in the template')
    .option('--concurrency', 'only how many run at once')
    .option('--rate', 'only how many start within a period')
    .action((flags: RemoveFlags, self: Command) =>
      operate(contextOf, self, async (terminal, database) => {
        const subject = subjectOf(flags);
        const removed = await removeLimits(database, subject, kindOf(flags));
        terminal.printJson({ ...subject, removed });
        const name = `${subject.scope} ${subject.subject}`;
        terminal.print(
          removed === 0 ? `${name} had no limit` : `removed ${count(removed, 'limit')} of ${name}`,
        );
      }),
    );
}

function withSubject(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'all steps of the tasks of this namespace')
    .option('--handler <name>', 'all steps of this handler');
}

function subjectOf({ namespace, handler }: SubjectFlags): LimitSubject {
  if (namespace !== undefined && handler === undefined) return { scope: 'namespace', subject: namespace };
  if (handler !== undefined && namespace === undefined) return { scope: 'handler', subject: handler };
  throw new TreadleError('invalid_argument', 'expected --namespace or --handler, one of them');
}

function kindOf({ concurrency, rate }: RemoveFlags): ListedLimit['kind'] | undefined {
  if (concurrency === rate) return undefined;
  return concurrency ? 'concurrency' : 'rate';
}

function printLimits(terminal: Terminal, limits: readonly ListedLimit[]): void {
  if (limits.length === 0) {
    terminal.print('there are no limits');
    return;
  }
  const table = plainTable(terminal, ['of', 'limit', 'in use', 'waiting']);
  for (const limit of limits) {
    const { scope, subject, key, in_use, waiting, keys } = limit;
    table.push([
      `${scope} ${subject}`,
      limitText(limit),
      in_use,
      key === null || waiting === 0 ? waiting : `${waiting} of ${count(keys, 'key')}`,
    ]);
  }
  terminal.print(table.toString());
}
