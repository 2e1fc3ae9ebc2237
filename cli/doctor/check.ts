// One thing that `treadle doctor` has looked at: how it is, and what to do about it.

export type CheckStatus = 'ok' | 'warn' | 'fail';

export interface Check {
  readonly name: string;
  readonly status: CheckStatus;
  /** What was found, in a sentence. */
  readonly message: string;
  /** What to do; for everything that is not ok, and for what could be better. */
  readonly advice?: string;
}

export function ok(name: string, message: string): Check {
  return { name, status: 'ok', message };
}

export function warn(name: string, message: string, advice: string): Check {
  return { name, status: 'warn', message, advice };
}

export function fail(name: string, message: string, advice: string): Check {
  return { name, status: 'fail', message, advice };
}
