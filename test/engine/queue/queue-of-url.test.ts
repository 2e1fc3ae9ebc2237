// One line of configuration says which queue: each scheme gives its adapter, whatever is wrong is one line, and no password
// is ever shown.
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { QUEUE_SCHEMES, shownQueue } from '../../../core/queue-url.ts';
import { queueOfUrl } from '../../../engine/queue/queue-of-url.ts';
import { testDatabase } from '../../support/postgres.ts';

const home = testDatabase();
const given = () => ({ database: home.database, log: pino({ level: 'silent' }) });

test.each([
  ['graphile://', 'graphile-worker'],
  ['graphile-worker', 'graphile-worker'],
  ['memory://', 'in-memory'],
  ['in-memory', 'in-memory'],
  ['redis+bullmq://localhost', 'bullmq'],
  ['rediss+bullmq://u:p@localhost:6380/1?queue=mine', 'bullmq'],
  ['sidekiq://localhost:6379/0?queue=default&format=7&mode=treadle', 'sidekiq'],
  ['sidekiqs://localhost', 'sidekiq'],
  ['celery+redis://localhost/0?queue=celery', 'celery'],
  ['celery+rediss://localhost', 'celery'],
  ['celery+amqp://guest:guest@localhost:5672/%2F?queue=celery', 'celery'],
  ['celery+amqps://localhost', 'celery'],
])('%s means %s, and nothing is connected yet', async (text, name) => {
  expect(await queueOfUrl(text, given())).toMatchObject({ name });
});

test.each([
  'kafka://user:secret@host/topic?token=secret',
  'kafka:secret@host',
  'user:secret@host',
  'se cret@x',
])('an unknown queue %s is refused with all that are known, without its password', async (text) => {
  const refused = queueOfUrl(text, given());
  await expect(refused).rejects.toMatchObject({ code: 'invalid_config' });
  const message = await refused.catch((error: Error) => error.message);
  for (const scheme of QUEUE_SCHEMES) expect(message).toContain(`${scheme}://`);
  expect(message).not.toMatch(/se ?cret|\n/);
});

test.each([
  ['redis+bullmq://u:secret@localhost/0?colour=blue', 'colour'],
  ['sidekiq://u:secret@localhost/0?format=5', 'format'],
  ['celery+redis://u:secret@localhost/0?colour=blue', 'colour'],
  ['celery+amqp://u:secret@localhost/v?colour=blue', 'colour'],
])('an option of %s that its adapter does not know is one line', async (text, option) => {
  const refused = queueOfUrl(text, given());
  await expect(refused).rejects.toMatchObject({ code: 'invalid_config' });
  const message = await refused.catch((error: Error) => error.message);
  expect(message).toContain(option);
  expect(message).not.toMatch(/secret|\n/);
});

test.each(['graphile://host', 'memory://?size=3', 'graphile:///schema'])(
  '%s says more than there is to say',
  async (text) => {
    await expect(queueOfUrl(text, given())).rejects.toThrow(/^queue: expected \w+:\/\/ and nothing more$/);
  },
);

test.each([
  ['redis+bullmq://u:p@h:1/0?queue=q', 'redis+bullmq://h:1/0'],
  ['graphile://', 'graphile://'],
  ['in-memory', 'in-memory'],
])('%s is shown to people as %s', (text, shown) => {
  expect(shownQueue(text)).toBe(shown);
});

/** What is said in a process where a library is not installed. */
async function saidWithout(library: string, queue: string): Promise<string> {
  const hook = `export const resolve = (name, context, next) => next(name === '${library}' ? 'not-installed' : name, context);`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(inline(hook))});`;
  const program = `import { queueOfUrl } from '${resolve('engine/queue/queue-of-url.ts')}';
    await queueOfUrl('${queue}', {}).catch(({ code, message }) => console.log(code + ': ' + message));`;
  const args = ['--import', 'tsx', '--import', inline(register), '--input-type=module', '-e', program];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

function inline(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

test.each([
  ['bullmq', 'redis+bullmq://u:secret@localhost:1/0', 'npm install bullmq ioredis'],
  ['ioredis', 'sidekiq://u:secret@localhost:1/0', 'npm install ioredis'],
  ['amqplib', 'celery+amqp://u:secret@localhost:1/v', 'npm install amqplib'],
])('without %s the line says what to install', async (library, queue, advice) => {
  const said = await saidWithout(library, queue);
  expect(said).toMatch(/^invalid_config: queue .*\n$/);
  expect(said).toContain(advice);
  expect(said).not.toContain('secret');
});
