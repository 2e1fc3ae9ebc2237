// The law of mixed fleets, for any history of choices while tasks are in flight: no step is begun twice or by the wrong engine, and in
// the end every task is complete, wherever it went.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseEngine, FLEET_ENGINES, forgetChoice } from '../../sql/fleet.ts';
import { FleetHistory } from '../support/fleet-histories.ts';
import { ann } from '../support/fleets.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const home = testDatabase();

const which = fc.nat({ max: 2 });
const few = fc.integer({ min: 1, max: 3 });
const anyEvent = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('choose' as const),
      which,
      engine: fc.constantFrom(...FLEET_ENGINES),
    }),
  },
  fc.record({ kind: fc.constant('forget' as const), which }),
  fc.record({ kind: fc.constant('create' as const), which }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wake' as const) }) },
  fc.record({ kind: fc.constant('sweep' as const) }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('claim' as const), count: few }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('end' as const), count: few, fails: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('move' as const), count: few }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('drain' as const), count: few }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('start_in_rails' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('run_in_rails' as const), count: few }) },
);
type Event = typeof anyEvent extends fc.Arbitrary<infer One> ? One : never;

async function happen(history: FleetHistory, event: Event): Promise<void> {
  switch (event.kind) {
    case 'choose':
      return history.choose(history.subject(event.which), event.engine);
    case 'forget':
      return history.forget(history.subject(event.which));
    case 'create':
      return history.create(event.which);
    case 'wake':
      return history.wake();
    case 'sweep':
      return history.sweep();
    case 'claim':
      return history.claim(event.count);
    case 'end':
      return history.end(event.count, event.fails);
    case 'move':
      return history.move(event.count);
    case 'drain':
      return history.drain(event.count);
    case 'start_in_rails':
      return history.startInRails();
    case 'run_in_rails':
      return history.runInRails(event.count);
  }
}

async function judgeOne(events: readonly Event[], mistake = 'select'): Promise<void> {
  await inRolledBackTransaction(home.database, async (tx) => {
    await tx.query(mistake);
    const history = await FleetHistory.begin(tx);
    for (const event of events) await happen(history, event);
    const left = await history.toTheEnd();
    const broken = [...history.violations, ...(await violations(tx))];
    expect({ left, broken }).toEqual({ left: 0, broken: [] });
  });
}

test('no step is begun twice or by the wrong engine, and every task is complete in the end', async () => {
  const anyHistory = fc.array(anyEvent, { minLength: 5, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(anyHistory, (events) => judgeOne(events)),
    { numRuns: 40, endOnFailure: true },
  );
}, 240_000);

const toRails = { kind: 'choose', which: 0, engine: 'rails' } as const;
const toTreadle = { kind: 'choose', which: 0, engine: 'treadle' } as const;
const wake = { kind: 'wake' } as const;
const claim = { kind: 'claim', count: 3 } as const;
const moves = [1, 2, 3, 4].map(() => ({ kind: 'move', count: 3 }) as const);
const drain = { kind: 'drain', count: 3 } as const;
const start = { kind: 'start_in_rails' } as const;
const run = { kind: 'run_in_rails', count: 1 } as const;
const fail = { kind: 'end', count: 3, fails: true } as const;
const create = { kind: 'create', which: 0 } as const;

const inRails = [toRails, ...moves, drain];
const MISTAKES: readonly (readonly [string, string, string, string, readonly Event[]])[] = [
  [
    'a task that is taken while Rails may be at it',
    'own_tasks',
    'not o.chosen',
    'true',
    [...inRails, start, toTreadle, ...moves, wake, claim, run],
  ],
  [
    'a stray job that starts a task of Treadle',
    'refuse_foreign_start',
    'if found then',
    'if false then',
    [...inRails, toTreadle, ...moves, start],
  ],
  [
    'a task that leaves while a step of it runs',
    'release_tasks',
    'where k.task_id = any (p_task_ids)',
    'where false',
    [wake, claim, ...inRails, start, run],
  ],
  [
    'a step that Rails would skip',
    'ready_steps_for_rails',
    'perform treadle.send_to_steps',
    'perform cardinality(v_failed); --',
    [wake, claim, fail, ...inRails],
  ],
  [
    'a leaving step that is claimed',
    'begin_moves',
    `if p_engine = 'rails' then`,
    'if false then',
    [wake, toRails, claim],
  ],
  [
    'a created task that nobody is told of',
    'create_in_rails',
    'where t.task_id = any (p_task_ids)',
    'where false',
    [toRails, ...moves, create],
  ],
];

test.each(MISTAKES)('the law finds %s', async (_what, name, right, wrong, events) => {
  const [row] = await home.database.query<{ text: string }>(
    `select pg_get_functiondef(('treadle.' || $1)::regproc) as text`,
    [name],
  );
  const text = row?.text ?? '';
  expect(text).toContain(right);
  await judgeOne(events);
  await expect(judgeOne(events, text.replace(right, wrong))).rejects.toThrow(/to deeply equal/);
});

test('the choice for a named task goes before that of its namespace, in whatever order they were made', async () => {
  const anyChoice = fc.record({
    subject: fc.constantFrom<string>('law', 'law/a', 'law/b'),
    engine: fc.option(fc.constantFrom(...FLEET_ENGINES)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anyChoice, { maxLength: 12 }), async (choices) => {
      const last = new Map(choices.map(({ subject, engine }) => [subject, engine]));
      const rows = await inRolledBackTransaction(home.database, async (tx) => {
        for (const { subject, engine } of choices) {
          if (engine === null) await forgetChoice(tx, subject);
          else await chooseEngine(tx, { subject, engine, isNew: true }, ann);
        }
        return tx.query<{ name: string; engine: string | null }>(
          `select name, (select engine from treadle.fleet_choice_of('law', name)) as engine from unnest(array['a', 'b', 'c']) name`,
        );
      });
      expect(rows).toEqual(
        ['a', 'b', 'c'].map((name) => ({ name, engine: last.get(`law/${name}`) ?? last.get('law') ?? null })),
      );
    }),
    { numRuns: 60 },
  );
});
