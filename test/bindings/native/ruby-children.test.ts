// Children of Ruby and of Node in one process. Both hear of them by the same signal, which libuv takes for itself with the first
// child of Node and lets go of after the last; whoever is forgotten waits for ever.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nativeRuby, startRuby } from '../../support/native-ruby.ts';
import type { NativeCalls } from '../../support/native.ts';

const OF_RUBY = { said: 'from ruby', status: 3, went_well: true, piped: 'piped', detached: 4 };
const skipped = await nativeRuby();
const shell = promisify(execFile);
/** Began before Ruby was there. */
const early = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit'] });
let calls: NativeCalls;

beforeAll(async () => {
  if (skipped === undefined) calls = await startRuby({ concurrency: 1 });
});
afterAll(async () => {
  early.kill();
  await calls?.stop();
});

test.skipIf(skipped)('children of Ruby end while one of Node lives', async () => {
  expect(await calls.results('Shell')).toEqual(OF_RUBY);
});

test.skipIf(skipped)('the end of a child that began before Ruby is heard', async () => {
  early.stdin.end();
  expect(await once(early, 'close')).toEqual([0, null]);
});

test.skipIf(skipped)(
  'children of Ruby end after the last of Node, and children of Node after those',
  async () => {
    expect(await calls.results('Shell')).toEqual(OF_RUBY);
    expect(execFileSync('echo', ['waited for'], { encoding: 'utf8' })).toBe('waited for\n');
    expect(await shell('echo', ['from node'])).toMatchObject({ stdout: 'from node\n' });
    expect(await calls.results('Shell')).toEqual(OF_RUBY);
  },
);

test.skipIf(skipped)('both have children at once', async () => {
  const rounds = Array.from({ length: 20 }, async () =>
    Promise.all([calls.results('Shell'), shell('sh', ['-c', 'exit 5']).catch((error: unknown) => error)]),
  );
  for (const [ofRuby, ofNode] of await Promise.all(rounds)) {
    expect(ofRuby).toEqual(OF_RUBY);
    expect(ofNode).toMatchObject({ code: 5 });
  }
});
