// What Python in this process does to it under load.
import { testLoad } from '../../support/native-load.ts';
import { NativeCalls, nativePython } from '../../support/native.ts';

const { environment, skipped } = await nativePython();

testLoad({
  lacking: skipped,
  start: () => NativeCalls.start({ environment, concurrency: 16 }),
  echoes: ['Echo', 'AsyncEcho'],
});
