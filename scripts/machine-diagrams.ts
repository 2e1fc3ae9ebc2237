// Writes the diagrams of the two state machines into ARCHITECTURE.md. With --check it writes nothing and exits 1 with
// one line when they are stale or the file lacks their place.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withMachineDiagrams } from '../core/machines/diagrams.ts';

const FILE = fileURLToPath(new URL('../ARCHITECTURE.md', import.meta.url));

function main(args: readonly string[]): number {
  const unknown = args.find((arg) => arg !== '--check');
  if (unknown !== undefined) return complain(`expected nothing or --check, got ${unknown}`, 2);
  try {
    const before = readFileSync(FILE, 'utf8');
    const after = withMachineDiagrams(before);
    if (before === after) return 0;
    if (args.includes('--check')) {
      return complain('ARCHITECTURE.md: the state diagrams are stale; run "npm run docs:machines"', 1);
    }
    writeFileSync(FILE, after);
    return 0;
  } catch (error) {
    return complain(`ARCHITECTURE.md: ${error instanceof Error ? error.message : String(error)}`, 1);
  }
}

function complain(line: string, status: number): number {
  console.error(line);
  return status;
}

process.exitCode = main(process.argv.slice(2));
