// Every measured answer of the Rails engine, asked of our functions. Where that answer is a known defect, the test says
// what we answer instead, and why that is better.
import { describe, expect, it } from 'vitest';
import { testDatabase } from '../support/postgres.ts';
import { BETTER, cases, expectedOf, type Answers } from '../support/rails-answers.ts';
import { askHealth, askWorld, loadWorld, type RailsCase } from '../support/rails-world.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const test = testDatabase();

async function answersTo(world: RailsCase, timeZone = 'UTC'): Promise<Answers> {
  return inRolledBackTransaction(test.database, async (tx) => {
    await tx.query(`select set_config('timezone', $1, true)`, [timeZone]);
    const health = await askHealth(tx);
    return askWorld(tx, world, await loadWorld(tx, world), Object.keys(world.expect), health);
  });
}

function expectAnswers(world: RailsCase, answers: Answers): void {
  const { readiness_batch: readiness, context_batch: context, ...single } = answers;
  expect(single).toEqual(expectedOf(world));
  expect({ readiness, context }, 'the batch forms').toEqual({
    readiness: single['readiness'],
    context: single['context'],
  });
}

const plain = cases.filter(({ id }) => !(id in BETTER));
const mended = cases
  .filter(({ id }) => id in BETTER)
  .map((world) => ({ ...world, because: BETTER[world.id]?.because }));

describe('what the Rails engine answers, ours answer too', () => {
  it.each(plain)('$id $note', async (world) => expectAnswers(world, await answersTo(world)));
});

describe('where the Rails engine is wrong, ours are better', () => {
  it.each(mended)('$id ($defect) $because', async (world) => expectAnswers(world, await answersTo(world)));

  it('differs only where a defect is known', () => {
    const known = cases.filter(({ defect }) => defect !== undefined).map(({ id }) => id);
    expect(known).toEqual(expect.arrayContaining(Object.keys(BETTER)));
    expect(cases).toHaveLength(321);
  });
});

describe.each(['America/New_York', 'Asia/Tokyo'])('in a session at %s', (timeZone) => {
  const sample = cases.filter((_, position) => position % 8 === 0 || position < 60);
  it.each(sample)('$id is answered the same', async (world) =>
    expectAnswers(world, await answersTo(world, timeZone)),
  );
});
