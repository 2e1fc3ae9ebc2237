// Arguments of more than one command: what they must look like, said the way commander reports it.
import { InvalidArgumentError } from 'commander';
import { DEFAULTS } from '../core/vocabulary.ts';

/** For commander: a whole number of at least `least`. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`Expected a whole number ${range}.`);
  };
}

/** For commander: `a,b` and repeated options make one list. */
export function collect(text: string, before: readonly string[] = []): string[] {
  const words = text.split(',').map((word) => word.trim());
  return [...before, ...words.filter((word) => word !== '')];
}

export interface TemplateReference {
  readonly namespace_name: string;
  readonly name: string;
  readonly version: string | undefined;
}

/** For commander: `namespace/name`, `namespace/name@1.2.3`, or a name of the default namespace. */
export function templateReference(text: string): TemplateReference {
  const match = /^(?:([^/@]+)\/)?([^/@]+)(?:@(\d+\.\d+\.\d+))?$/.exec(text);
  const name = match?.[2];
  if (!name) throw new InvalidArgumentError('Expected <namespace>/<name> or <namespace>/<name>@<version>.');
  return { namespace_name: match[1] ?? DEFAULTS.namespace_name, name, version: match[3] };
}
