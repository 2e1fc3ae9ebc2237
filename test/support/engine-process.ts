// A process of its own that runs an engine on the database in argv[2] with the template in argv[3], whose handlers never
// end. It writes the name of every step that begins to standard output. For tests that kill it.
import { readTemplate } from '../../core/template/read.ts';
import { Engine } from '../../engine/engine.ts';
import { handlersOf, type Work } from './engines.ts';

const [, , url = '', text = '', leaseSeconds = ''] = process.argv;
const template = readTemplate(text, 'argv');
const hang: Work = ({ step }) => {
  console.log(step.name);
  return new Promise(() => {});
};
const works = Object.fromEntries(template.step_templates.map((step) => [step.handler_class, hang]));
const engine = new Engine({
  database: url,
  templates: [template],
  handlers: handlersOf(works),
  leaseSeconds: Number(leaseSeconds),
});
await engine.start();
