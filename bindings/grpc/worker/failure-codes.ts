// The failure codes of the wire as those of the house, by their names: a test holds the two lists together.
import { FAILURE_CODES, type FailureCode } from '../../../core/outcome.ts';
import { FailureCode as WireCode } from '../../../proto/gen/treadle/v1/worker.ts';

/** No attempt is left after these: another one would fail in the same way. */
const PERMANENT: ReadonlySet<FailureCode> = new Set([
  'permanent',
  'invalid_input',
  'invalid_output',
  'invalid_config',
  'results_too_large',
  'unknown_handler',
]);

const codes = new Map(
  Object.entries(WireCode).map(([name, number]) => [
    number as number,
    FAILURE_CODES.find((code) => code === name.toLowerCase()),
  ]),
);

/** What a worker may say without saying it: no code, or one that a newer worker knows. */
export function failureCodeOf(wire: number): FailureCode {
  return codes.get(wire) ?? 'handler_error';
}

export function isPermanent(code: FailureCode): boolean {
  return PERMANENT.has(code);
}
