// `treadle templates`: what is registered and who serves it. `treadle templates check`: whether files are sound.
import type { Command } from 'commander';
import type { Runtime } from '../../core/vocabulary.ts';
import { listTemplates, type ListedTemplate } from '../../sql/reports.ts';
import type { ContextOf } from '../context.ts';
import { requireMigrated, withDatabase } from '../open-database.ts';
import { plainTable } from '../plain-table.ts';
import { handlerText } from '../served-here.ts';
import { readTemplateFiles, templateTitle } from '../template-files.ts';
import type { Terminal } from '../terminal.ts';

export function registerTemplates(program: Command, contextOf: ContextOf): void {
  const templates = program
    .command('templates')
    .description('list the registered templates, their handlers and who serves them')
    .action(async (_flags: object, self: Command) => {
      const { terminal, config } = contextOf(self);
      await withDatabase(config(), { maxConnections: 2 }, async ({ database }) => {
        await requireMigrated(database);
        const listed = await listTemplates(database);
        terminal.printJson({ templates: listed });
        if (!terminal.json) printTemplates(terminal, listed);
      });
    });
  templates
    .command('check')
    .description('check template files without a database; exit 2 with all problems')
    .argument('<file...>', 'YAML or JSON files')
    .action((files: string[], _flags: object, self: Command) => check(contextOf(self).terminal, files));
}

function check(terminal: Terminal, files: readonly string[]): void {
  const read = readTemplateFiles(files);
  terminal.printJson({
    files: read.map(({ file, template }) => ({
      file,
      template: templateTitle(template),
      steps: template.step_templates.length,
    })),
  });
  for (const { file, template } of read) {
    terminal.print(`${file}: ok, ${templateTitle(template)} with ${template.step_templates.length} steps`);
  }
}

function printTemplates(terminal: Terminal, templates: readonly ListedTemplate[]): void {
  if (templates.length === 0) {
    terminal.print(
      'no templates are registered ("treadle dev" and "treadle start" register those they find)',
    );
    return;
  }
  const { colors } = terminal;
  const table = plainTable(terminal, ['template', 'steps', 'handlers', 'served by']);
  for (const { namespace_name, name, version, steps, handlers } of templates) {
    const served = handlers.map(({ workers }) =>
      workers.length > 0 ? workersText(workers) : colors.yellow('nobody'),
    );
    table.push([
      `${namespace_name}/${name}@${version}`,
      steps.length,
      handlers.map(({ handler }) => handlerText({ handler, runtime: runtimeOf(handler, steps) })).join('\n'),
      served.join('\n'),
    ]);
  }
  terminal.print(table.toString());
}

/** Some step says it for all of them. */
function runtimeOf(name: string, steps: ListedTemplate['steps']): Runtime | undefined {
  return steps.find(({ handler, runtime }) => handler === name && runtime !== null)?.runtime ?? undefined;
}

function workersText(workers: readonly string[]): string {
  return workers.length > 2 ? `${workers.length} workers` : workers.join(', ');
}
