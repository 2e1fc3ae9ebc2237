// What Ruby in this process does to it under load.
import { testLoad } from '../../support/native-load.ts';
import { nativeRuby, startRuby } from '../../support/native-ruby.ts';

testLoad({ lacking: await nativeRuby(), start: () => startRuby({ concurrency: 16 }), echoes: ['Echo'] });
