// The native addons, built beside the first tests: minutes of cargo, for which those that need one wait. What cannot be built
// they say themselves.
import { nativeAddon } from '../../scripts/native-addon.ts';
import { python, ruby } from '../../scripts/toolchains.ts';

export async function buildNativeAddons(): Promise<void> {
  const install = 'packages';
  const [forPython, forRuby] = [await python({ install }), await ruby({ install })];
  if (forPython.ok) await nativeAddon('python', { install, interpreter: forPython.python });
  if (forRuby.ok) await nativeAddon('ruby', { install, interpreter: forRuby.ruby });
}
