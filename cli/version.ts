// The version of this package, read from its package.json: beside the sources in a checkout, above dist/ when built.
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const found: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
      if (isTreadle(found)) return found.version;
    } catch {
      // not here: look one further up
    }
  }
  return 'unknown';
}

function isTreadle(value: unknown): value is { version: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    value.name === 'treadle' &&
    'version' in value
  );
}
