// A process of its own with an engine on the database in argv[2] and the template in argv[3], whose handler `careless`
// leaves a promise behind that is rejected later; `calm` runs after that and ends the process. With argv[4] the promise
// is left behind by the program itself. For a test about what that does to the process.
import { pino } from 'pino';
import { readTemplate } from '../../core/template/read.ts';
import { Engine } from '../../engine/engine.ts';
import { handlersOf, Signal } from './engines.ts';

const [, , url = '', text = '', ofProgram] = process.argv;
const template = readTemplate(text, 'argv');
const rejected = new Signal();

const leaveBehind = (): void => {
  setImmediate(() => {
    void Promise.reject(new Error('left behind'));
    setImmediate(rejected.happen); // Node tells of it before the next turn
  });
};

const engine = new Engine({
  database: url,
  templates: [template],
  handlers: handlersOf({ careless: leaveBehind, calm: () => rejected.happened }),
  log: pino(),
});
await engine.start();
if (ofProgram !== undefined) leaveBehind();
const { namespace_name, name } = template;
const { task_id } = await engine.createTask({ namespace_name, name, context: { n: 1 } });
console.log(await engine.waitForTask(task_id));
await engine.stop();
