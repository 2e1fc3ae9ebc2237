import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTreadle, treadle } from '../support/cli.ts';
import { installPackage, type InstalledPackage } from '../support/installed.ts';
import { testDatabase } from '../support/postgres.ts';

const APP = `import { StepHandler, type StepContext } from 'treadle';
class Greet extends StepHandler {
  async process({ task }: StepContext) { return { greeting: 'hello ' + String(task.context['name']) }; }
}
export const handlers = [Greet];
`;
const TEMPLATE = 'name: greeting\nstep_templates:\n  - { name: greet, handler_class: Greet }\n';

const db = testDatabase();
let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage('commonjs');
  mkdirSync(join(installed.project, 'templates'));
  writeFileSync(join(installed.project, 'templates', 'greeting.yaml'), TEMPLATE);
  writeFileSync(join(installed.project, 'treadle.app.ts'), APP);
}, 60_000);
afterAll(() => installed.remove());

it('runs handlers in TypeScript in a project that is CommonJS', async () => {
  const options = { url: db.url, cwd: installed.project, program: installed.program };
  const engine = startTreadle(['dev'], options);
  await engine.says('Ctrl-C');
  const run = await treadle(
    ['run', 'default/greeting', '--context', '{"name": "Ada"}', '--wait', '--json'],
    options,
  );
  const [step] = await db.database.query('select results from tasker_workflow_steps');
  engine.child.kill('SIGTERM');
  expect(await engine.ended).toMatchObject({ status: 0 });
  expect({ status: run.status, step }).toEqual({ status: 0, step: { results: { greeting: 'hello Ada' } } });
});

it('has doors of their own for the servers and for tests of handlers', async () => {
  const script = `Promise.all([import('treadle/grpc'), import('treadle/http'), import('treadle/native'), import('treadle/testing')])
    .then(([grpc, http, native, testing]) =>
      console.log(typeof grpc.GrpcServer, typeof http.HttpServer, typeof native.NativeWorker, typeof testing.runHandler))`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { cwd: installed.project });
  expect(stdout).toBe('function function function function\n');
});

it('says what to do when the native addon that was asked for is not there', async () => {
  const options = { url: db.url, cwd: installed.project, program: installed.program };
  const { status, stderr } = await treadle(['start', '--native-python', 'app.handlers'], options);
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringMatching(
      /^treadle: the native addon for python is not there: npm install @treadle\/native-\S+, or .*\n$/,
    ) as string,
  });
});
