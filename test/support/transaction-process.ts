// A process of its own whose one handler writes a row and completes its step in one transaction, and which kills itself
// with SIGKILL at one boundary between the statements of that transaction. argv: url, template, handler, statement (1 is
// the first), moment: before it is sent, sent and not answered, or answered.
import pg from 'pg';
import { readTemplate } from '../../core/template/read.ts';
import { Engine } from '../../engine/engine.ts';
import { handlersOf, type Work } from './engines.ts';

const [, , url = '', text = '', handler = '', fatal = '', moment = ''] = process.argv;

const die = (): void => void process.kill(process.pid, 'SIGKILL');

type Query = (this: pg.Client, ...given: unknown[]) => Promise<unknown>;
const prototype = pg.Client.prototype as unknown as { query: Query };
const query = prototype.query;
let statement = 0;

prototype.query = function queryAndPerhapsDie(...given) {
  const { application_name } = (this as unknown as { connectionParameters: { application_name: string } })
    .connectionParameters;
  if (application_name !== 'treadle handlers') return query.apply(this, given);
  statement += 1;
  const here = statement === Number(fatal);
  if (here && moment === 'before') die();
  const answer = query.apply(this, given);
  if (here && moment === 'sent') process.nextTick(die);
  if (!here || moment !== 'answered') return answer;
  return answer.finally(die);
};

const pay: Work = ({ task, step, transaction }) =>
  transaction(async (tx) => {
    await tx.query('insert into effects (task_id, attempt) values ($1, $2)', [task.task_id, step.attempt]);
    return { paid: true };
  });

const template = readTemplate(text, 'argv');
await new Engine({
  database: url,
  templates: [template],
  handlers: handlersOf({ [handler]: pay }),
  leaseSeconds: 1,
}).start();
