// The command line: `treadle <command>`. Runs one command and ends the process with 0 (done), 1 (failed), 2 (bad
// arguments or input) or 130 (Ctrl-C).
import { createProgram } from './program.ts';
import { reportError } from './report-error.ts';
import { endProcess, endQuietlyWhenNobodyReads } from './terminal.ts';

endQuietlyWhenNobodyReads();

const words = process.argv.slice(2);
let status = 0;
try {
  const program = await createProgram(process.env, words);
  await program.parseAsync(words, { from: 'user' });
} catch (error) {
  status = reportError(error, {
    json: words.includes('--json'),
    debug: words.includes('--debug') || process.env['TREADLE_LOG_LEVEL'] === 'debug',
    write: (text) => process.stderr.write(text),
  });
}
await endProcess(status);
