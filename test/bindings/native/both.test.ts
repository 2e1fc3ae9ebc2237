// Python, Ruby and Node in one process: libraries that both have (protobuf, OpenSSL), and children of all three.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nativeRuby, startRuby } from '../../support/native-ruby.ts';
import { NativeCalls, nativePython } from '../../support/native.ts';

const { environment, skipped: withoutPython } = await nativePython();
const skipped = withoutPython ?? (await nativeRuby());
const shell = promisify(execFile);
let python: NativeCalls;
let ruby: NativeCalls;

beforeAll(async () => {
  if (skipped !== undefined) return;
  [python, ruby] = await Promise.all([NativeCalls.start({ environment }), startRuby()]);
});
afterAll(async () => {
  await Promise.all([python?.stop(), ruby?.stop()]);
});

test.skipIf(skipped)('both work at once, each with its own compiled extensions', async () => {
  const both = [python, ruby].map((calls) => calls.results('Echo', { text: 'Grüße' }));
  expect(await Promise.all(both)).toEqual([{ text: 'Grüße' }, { text: 'Grüße' }]);
  expect(await python.results('Surroundings')).toMatchObject({ protobuf: 'upb' });
  expect(await ruby.results('Extensions')).toMatchObject({ sum: '0.3', verified: true });
});

test.skipIf(skipped)('children of all three end', async () => {
  const rounds = Array.from({ length: 10 }, async () =>
    Promise.all([python.results('Shell'), ruby.results('Shell'), shell('echo', ['from node'])]),
  );
  for (const round of await Promise.all(rounds)) {
    expect(round).toMatchObject([{ status: 3 }, { status: 3 }, { stdout: 'from node\n' }]);
  }
});

test.skipIf(skipped)('both burn the CPU while the other one answers', async () => {
  const burning = [python, ruby].map((calls) => calls.results('Burns', { seconds: 1 }));
  const quick = [python, ruby].map((calls) => calls.results('Echo', [1]));
  expect(await Promise.race([Promise.all(burning), Promise.all(quick)])).toEqual([[1], [1]]);
  await Promise.all(burning);
});
