// docs/rest-api.md: its calls are made with curl, one after the other, and answered as the page shows.
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { parseTemplate } from '../../../core/template/template.ts';
import { alike, matches, sectionsOf, typedIn } from '../../examples/console-guide.ts';
import { Terminals } from '../../examples/guide-terminal.ts';
import { startApi } from '../../support/http-servers.ts';
import { testDatabase } from '../../support/postgres.ts';

const home = testDatabase();
const template = parseTemplate({
  namespace_name: 'shop',
  name: 'checkout',
  step_templates: [{ name: 'charge', handler_class: 'charge' }],
});
const sections = sectionsOf('docs/rest-api.md');

test('the calls of the page are answered as it shows', async () => {
  const works = { charge: () => ({}) };
  const { engine, url } = await startApi({ database: home.database, templates: [template], works });
  const terminals = new Terminals({ folder: tmpdir(), environment: {} });
  const blocks = sections
    .flatMap((section) => section.blocks)
    .filter(({ language }) => language === 'console');
  const answers: [string, string][] = [];
  for (const { command, shown } of blocks.flatMap(({ text }) => typedIn(text))) {
    const came = await terminals.type(command.replace('localhost:7466', url));
    if (command.includes('checkout", "context"')) await engine.waitForTask(1);
    answers.push([command, matches(shown, came) ? alike(shown) : alike(came)]);
  }
  const shown = blocks
    .flatMap(({ text }) => typedIn(text))
    .map((typed) => [typed.command, alike(typed.shown)]);
  expect(answers).toEqual(shown);
});
