// The trail against what the handlers themselves wrote to disk: nothing ran that was not claimed, nothing ran twice for
// one claim, nothing is recorded that did not run, and what children read is what their parents left.
import { isRelease } from './check-attempts.ts';
import { group, isOurs, type Facts, type Step } from './facts.ts';
import type { Move } from './snapshot.ts';

export function checkExecutions({ steps }: Facts): string[] {
  return steps.flatMap((step) => [
    ...countFindings(step),
    ...resultFindings(step),
    ...inputFindings(step),
    ...effectFindings(step),
  ]);
}

interface Run {
  readonly start: Move;
  /** What ended it; undefined when nothing did. */
  readonly end: Move | undefined;
}

function runsOf(step: Step): Run[] {
  return step.trail.flatMap((start, index) =>
    start.to_state === 'in_progress' && isOurs(start) ? [{ start, end: step.trail[index + 1] }] : [],
  );
}

/** The handler itself gave the answer: it was neither lost, nor given back, nor ended by another hand. */
function answered({ end }: Run): boolean {
  if (!end || !isOurs(end) || isRelease(end)) return false;
  const byHandler = end.metadata['triggered_by'] === undefined;
  return (
    (end.to_state === 'complete' || end.to_state === 'error') &&
    byHandler &&
    end.metadata['code'] !== 'worker_lost'
  );
}

/**
 * Claims whose start was not written yet when another hand moved their pending step: that hand has won, and of the attempt
 * there is no row.
 */
function overtaken({ trail }: Step): number {
  const moved = trail.filter((move, index) => {
    return !isOurs(move) && (trail[index - 1]?.to_state ?? 'pending') === 'pending';
  });
  return moved.length;
}

function countFindings(step: Step): string[] {
  const runs = group(runsOf(step), ({ start }) => Number(start.metadata['attempt_number']));
  const executions = group(step.executions, (execution) => execution.attempt);
  const attempts = new Set([...runs.keys(), ...executions.keys()]);
  return [...attempts].flatMap((attempt) => {
    const claimed = runs.get(attempt) ?? [];
    const executed = executions.get(attempt)?.length ?? 0;
    const needed = claimed.filter(answered).length;
    if (executed > claimed.length + overtaken(step))
      return [
        `${step.label}: attempt ${attempt} was claimed ${claimed.length} times and ran ${executed} times`,
      ];
    if (executed < needed)
      return [`${step.label}: attempt ${attempt} is recorded ${needed} times and ran ${executed} times`];
    return [];
  });
}

/** The results that count are those of an execution of the attempt that completed. */
function resultFindings(step: Step): string[] {
  const last = step.trail.at(-1);
  if (last?.to_state !== 'complete' || !isOurs(last)) return [];
  const name = step.results?.['execution'];
  const execution = step.executions.find((one) => one.execution === name);
  if (!execution) return [`${step.label}: completed with the results of ${String(name)}, which never ran`];
  const problems: string[] = [];
  if (execution.attempt !== last.metadata['attempt_number'])
    problems.push(
      `${step.label}: attempt ${String(last.metadata['attempt_number'])} has the results of ${execution.attempt}`,
    );
  if (execution.end?.answer !== 'complete')
    problems.push(`${step.label}: completed by an execution that did not end well`);
  return problems;
}

/** Parents complete at most once, so whenever a child looked it must have seen what is there now. */
function inputFindings(step: Step): string[] {
  return step.executions.flatMap((execution) =>
    step.parents.flatMap((parent) => {
      const left = parent.state === 'complete' ? (parent.results?.['execution'] ?? null) : null;
      const seen = execution.parents[parent.name] ?? null;
      return seen === left || parent.state !== 'complete'
        ? []
        : [
            `${step.label}: attempt ${execution.attempt} read ${seen} of ${parent.name}, which left ${JSON.stringify(left)}`,
          ];
    }),
  );
}

/** Written in the transaction that completes the step: there exactly when the step is complete, and once. */
function effectFindings(step: Step): string[] {
  const completed =
    step.state === 'complete' && step.trail.some((move) => move.to_state === 'complete' && isOurs(move));
  const expected = step.behaviour === 'table' && completed ? [String(step.results?.['execution'])] : [];
  if (step.effects.join() === expected.join()) return [];
  return [
    `${step.label}: ${step.state}, with the effects [${step.effects.join(', ')}] instead of [${expected.join(', ')}]`,
  ];
}
