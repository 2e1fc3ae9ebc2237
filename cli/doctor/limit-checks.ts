// What limits do: which of them keep steps waiting now, which is what they are for, and which can never do anything.
import type { Database } from '../../sql/database.ts';
import { limitEffects, type LimitEffect } from '../../sql/limits.ts';
import { limitText } from '../limit-text.ts';
import { ok, warn, type Check } from './check.ts';

const SHOWN = 5;

export async function limitChecks(database: Database): Promise<Check[]> {
  const limits = await limitEffects(database);
  if (limits.length === 0) return [ok('limits', 'none are set')];
  return [atWork(limits), ...idle(limits.filter(({ concerns_steps }) => !concerns_steps))];
}

function atWork(limits: readonly LimitEffect[]): Check {
  const holding = limits.filter(({ held_back }) => held_back > 0);
  if (holding.length === 0) return ok('limits', `${limits.length} set, no step waits for one`);
  const said = listed(holding, ({ held_back }) => `${held_back} ready ${held_back === 1 ? 'step' : 'steps'}`);
  return {
    ...ok('limits', `${holding.length} of ${limits.length} hold steps back now: ${said}`),
    advice: '"treadle limits" shows what is in use; "treadle limits set" allows more.',
  };
}

function idle(limits: readonly LimitEffect[]): Check[] {
  if (limits.length === 0) return [];
  const advice =
    'A name that has changed? "treadle limits set" with the new one, and "treadle limits remove" with this one.';
  return [warn('limits', `no registered template has a step for ${listed(limits, () => '')}`, advice)];
}

function listed(limits: readonly LimitEffect[], remark: (limit: LimitEffect) => string): string {
  const words = limits.slice(0, SHOWN).map((limit) => {
    const said = remark(limit);
    return `${limit.scope} ${limit.subject} (${limitText(limit)})${said === '' ? '' : `: ${said}`}`;
  });
  return [...words, ...(limits.length > SHOWN ? ['...'] : [])].join('; ');
}
