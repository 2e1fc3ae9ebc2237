// The independent judge of a run: the law as a plain table of its own, and what must hold of the rows when all is over.
// It shares no code with the engine. Every finding is a sentence.
import { checkAttempts } from './check-attempts.ts';
import { checkDerived } from './check-derived.ts';
import { checkExecutions } from './check-executions.ts';
import { checkTrails } from './check-trails.ts';
import { factsOf } from './facts.ts';
import type { Execution } from './journal.ts';
import type { Snapshot } from './snapshot.ts';

/** Sentences about what is broken; empty when all is well. Without executions only the rows are judged. */
export function check(snapshot: Snapshot, executions: readonly Execution[] | undefined): string[] {
  const facts = factsOf(snapshot, executions ?? []);
  return [
    ...checkTrails(facts),
    ...checkAttempts(facts),
    ...(executions ? checkExecutions(facts) : []),
    ...checkDerived(facts),
  ];
}
