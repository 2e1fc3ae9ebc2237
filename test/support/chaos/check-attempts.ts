// The columns of the step rows against the trail: attempts counted once each, the end written where Rails reads it.
import { isOurs, type Facts, type Step } from './facts.ts';
import type { Move } from './snapshot.ts';

export function checkAttempts({ steps }: Facts): string[] {
  return steps.flatMap((step) => [...attemptFindings(step), ...columnFindings(step)]);
}

/** Walks the trail and counts as the Rails engine would, with our two additions: releases and fresh allowances. */
function attemptFindings(step: Step): string[] {
  const findings: string[] = [];
  let attempts = 0;
  for (const [index, move] of step.trail.entries()) {
    if (!isOurs(move)) continue; // another hand leaves the columns alone
    const running = step.trail[index - 1]?.to_state === 'in_progress';
    const number = move.metadata['attempt_number'];
    if (move.to_state === 'in_progress' && number !== attempts + 1) {
      findings.push(`${step.label}: began attempt ${String(number)} after ${attempts} that count`);
    }
    if (running) {
      const start = step.trail[index - 1];
      findings.push(...workerFindings(step, start, move), ...durationFindings(step, start, move));
    }
    if (move.to_state === 'complete') attempts += 1;
    if (move.to_state === 'error' && running) attempts = attemptsAfterFailure(attempts, move, step);
    if (isFreshAllowance(move)) attempts = 0;
  }
  if (attempts !== step.attempts) {
    findings.push(`${step.label}: attempts is ${step.attempts}, its trail says ${attempts}`);
  }
  return findings;
}

/** Whoever began it has ended it: a late answer of another worker must not count. */
function workerFindings(step: Step, start: Move | undefined, end: Move): string[] {
  const [began, ended] = [start?.metadata['worker_id'], end.metadata['worker_id']];
  if (ended === undefined || began === ended) return [];
  return [`${step.label}: worker ${JSON.stringify(began)} began what worker ${JSON.stringify(ended)} ended`];
}

/** A start is dated at its claim, whether it was written then, with the end, or in between. */
function durationFindings(step: Step, start: Move | undefined, end: Move): string[] {
  const duration = end.metadata['execution_duration'];
  if (typeof duration !== 'number' || !start || !isOurs(start)) return [];
  const betweenMs = end.created_at - start.created_at;
  if (Math.abs(betweenMs - duration * 1000) < 1) return [];
  return [`${step.label}: ran for ${duration} s, but its start and its end are ${betweenMs} ms apart`];
}

export function isRelease(move: Move): boolean {
  return move.to_state === 'error' && move.metadata['code'] === 'released';
}

/** An operator gave the step new attempts. */
export function isFreshAllowance(move: Move): boolean {
  return move.metadata['event'] === 'retry' && 'attempts_before' in move.metadata;
}

/** One that cannot succeed any more uses all of them up. */
function attemptsAfterFailure(before: number, move: Move, step: Step): number {
  if (isRelease(move)) return before;
  const goesOn = move.metadata['retry_available'] === true || move.metadata['triggered_by'] === 'operator';
  if (goesOn) return before + 1;
  return Math.max(before + 1, step.retryable ? step.retry_limit : Math.min(step.retry_limit, 1));
}

function columnFindings(step: Step): string[] {
  const last = step.trail.at(-1);
  const findings: string[] = [];
  const say = (sentence: string): void => void findings.push(`${step.label}: ${sentence}`);
  if (step.trail.filter((move) => move.to_state === 'complete').length > 1) say('completed more than once');
  if (step.in_process) say('is marked as in process after all is over');
  if (!last || !isOurs(last)) return findings;
  if (
    last.to_state === 'complete' &&
    !(step.processed && step.processed_at !== null && step.results !== null)
  ) {
    say('is complete, but its columns do not say so');
  }
  if (last.to_state === 'error' && step.processed) say('has failed, but its columns say processed');
  if (last.to_state === 'error' && typeof step.results?.['error'] !== 'string')
    say('has failed without saying why');
  return findings;
}
