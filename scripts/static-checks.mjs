// `npm run static`: what can be said of the sources without running them. All checks run beside one another, as each leaves a core idle
// now and then; what they say comes out one after the other. The status is 1 when one of them found something.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** As a person would type them, under `npm run` with node_modules/.bin on the path. */
const CHECKS = [
  'prettier --check .',
  'npm run lint',
  'npm run types',
  'npm run dead',
  'npm run docs:machines -- --check',
];

/** @param {string} command */
async function check(command) {
  const child = spawn(command, { cwd: root, shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', (text) => (said += text));
  const [status] = await once(child, 'close');
  console.log(
    `${status === 0 ? 'ok    ' : 'FAILED'} ${command}\n${said.trim().replaceAll(/^/gm, '       ')}`,
  );
  return status === 0;
}

const results = await Promise.all(CHECKS.map(check));
process.exitCode = results.every(Boolean) ? 0 : 1;
