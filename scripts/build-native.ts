// `npm run build:native [-- python ruby]`: builds the native addon, for the languages that this machine has unless some are
// named. Python's is the one of PYO3_PYTHON, else python3; a virtual environment must be made with the same.
import { nativeAddon, type NativeLanguage } from './native-addon.ts';

const LANGUAGES: readonly NativeLanguage[] = ['python', 'ruby'];
const named = process.argv.slice(2);
const stranger = named.find((word) => !LANGUAGES.some((language) => language === word));
if (stranger !== undefined) {
  console.error(`build:native: expected python or ruby, came ${stranger}`);
  process.exit(2);
}
let built = 0;
const wanted = LANGUAGES.filter((language) => named.length === 0 || named.includes(language));
for (const language of wanted) {
  const addon = await nativeAddon(language, { install: 'nothing', profile: 'release', always: true });
  console.log(addon.ok ? `${language}: ${addon.file}` : addon.why);
  if (addon.ok) built += 1;
}
if (built === 0 || (named.length > 0 && built < wanted.length)) process.exit(1);
