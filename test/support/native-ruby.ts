// Ruby inside of the process of a test, without an engine.
import { join } from 'node:path';
import { nativeAddon } from '../../scripts/native-addon.ts';
import { ruby } from '../../scripts/toolchains.ts';
import { reasonToSkip } from '../parity/foreign-suite.ts';
import { NativeCalls } from './native.ts';

const GEM = join(import.meta.dirname, '..', '..', 'bindings', 'ruby', 'lib');

/** Why there is none; under CI=true it must be there. Ruby finds the gem of this checkout. */
export async function nativeRuby(): Promise<string | undefined> {
  process.env['RUBYLIB'] = GEM;
  const toolchain = await ruby({ install: 'packages' });
  if (!toolchain.ok) return reasonToSkip(toolchain);
  return reasonToSkip(await nativeAddon('ruby', { install: 'packages', interpreter: toolchain.ruby }));
}

/** The handlers of test/data/native. */
export async function startRuby(options: Parameters<typeof NativeCalls.start>[0] = {}): Promise<NativeCalls> {
  return NativeCalls.start({
    language: 'ruby',
    modules: ['native_handlers.rb', 'rails_handlers.rb'],
    ...options,
  });
}
