// Steps that take too long and tasks that miss their deadline: told to stop, ended in time, and nobody else is held up.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { EngineOptions } from '../../engine/options.ts';
import type { TaskTemplate } from '../../core/template/template.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import {
  create,
  eventually,
  runToEnd,
  Signal,
  startEngine,
  untilAborted,
  type Works,
} from '../support/engines.ts';
import { stepIdsOf, templateOf, type Shape } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { statesOfSteps, statesThrough, trailOf } from '../support/trail.ts';

const home = testDatabase();

/** A running engine, what it logs, and its template; every step has one attempt. */
async function started(shape: Shape, works: Works, more: Partial<EngineOptions> = {}, each = {}) {
  const template = templateOf(shape, { each: { default_retry_limit: 1, ...each } });
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const log = pino({ level: 'info' }, { write });
  const engine = await startEngine({ database: home.database, templates: [template], works, log, ...more });
  return { engine, template, lines };
}

const stepId = async (taskId: number, name: string): Promise<number> =>
  (await stepIdsOf(home.database, taskId))[name] ?? 0;

async function failureOf(taskId: number, name: string) {
  const [, row] = await trailOf(home.database, 'workflow_step', await stepId(taskId, name));
  return row?.metadata;
}

const said = (lines: readonly Record<string, unknown>[], text: string) =>
  lines.filter(({ msg }) => String(msg).includes(text));

test('a handler that ignores its signal loses its slot, and its late answer is dropped', async () => {
  const [aborted, release] = [new Signal(), new Signal()];
  const deaf = ({ signal }: StepContext) => {
    signal.addEventListener('abort', aborted.happen);
    return release.happened;
  };
  const each = { timeout_seconds: 0.1 };
  const { engine, template, lines } = await started(
    { deaf: [], other: [] },
    { deaf, other: () => 1 },
    { concurrency: 1 },
    each,
  );
  const { taskId, state } = await runToEnd(engine, template);
  await aborted.happened;
  expect([state, await statesOfSteps(home.database, taskId)]).toEqual([
    'error',
    { deaf: 'error', other: 'complete' },
  ]);
  expect(await failureOf(taskId, 'deaf')).toMatchObject({ code: 'timed_out' });
  release.happen();
  const late = () => Promise.resolve(said(lines, 'answered after its timeout'));
  expect(await eventually(late, (found) => found.length > 0)).toHaveLength(1);
  expect(await statesThrough(home.database, 'workflow_step', await stepId(taskId, 'deaf'))).toEqual([
    'in_progress',
    'error',
  ]);
});

test('the engine has a timeout for steps whose template has none', async () => {
  const works = { own: async () => 'in time', without: () => new Promise(() => {}) };
  const template = templateOf(
    { own: [], without: [] },
    { each: { default_retry_limit: 1 }, steps: { own: { timeout_seconds: 60 } } },
  );
  const options = { database: home.database, templates: [template], works, defaultTimeoutSeconds: 0.05 };
  const { taskId } = await runToEnd(await startEngine(options), template);
  expect(await statesOfSteps(home.database, taskId)).toEqual({ own: 'complete', without: 'error' });
  expect(await failureOf(taskId, 'without')).toMatchObject({ code: 'timed_out' });
});

test('a handler that blocks the event loop past its timeout has timed out, and the log says so', async () => {
  const block = () => {
    const until = performance.now() + 400;
    while (performance.now() < until);
    return 'too late';
  };
  const { engine, template, lines } = await started({ block: [] }, { block }, {}, { timeout_seconds: 0.1 });
  const { taskId } = await runToEnd(engine, template);
  expect(await failureOf(taskId, 'block')).toMatchObject({ code: 'timed_out' });
  const [line] = said(lines, 'the event loop was blocked');
  expect(line?.['blocked_ms']).toBeGreaterThan(250);
});

/** How long after the deadline the task ended, in ms; negative: before it. */
async function lateBy(taskId: number): Promise<number> {
  const [row] = await home.database.query<{ late: number }>(
    `select (extract(epoch from created_at - (metadata ->> 'deadline_at')::timestamptz at time zone 'UTC') * 1000)::integer as late
     from tasker_task_transitions
     where task_id = $1 and most_recent`,
    [taskId],
  );
  return row?.late ?? Number.NaN;
}

const hang: Works = { hang: ({ signal }) => untilAborted(signal), next: () => 1 };
const SHAPE: Shape = { hang: [], next: ['hang'] };

test('at its deadline a task ends at once: its running step is told, the others stay as they were', async () => {
  const reasons: unknown[] = [];
  const watched: Works = {
    ...hang,
    hang: ({ signal }) => untilAborted(signal).catch((error: Error) => reasons.push(error.message)),
  };
  const { engine, template, lines } = await started(SHAPE, watched);
  const events: unknown[] = [];
  engine.on('task.failed', ({ task_id }) => events.push(task_id));
  const { taskId, state } = await runToEnd(engine, template, { deadline_seconds: 0.5 });
  expect([state, await statesOfSteps(home.database, taskId)]).toEqual([
    'error',
    { hang: 'error', next: 'pending' },
  ]);
  expect(await failureOf(taskId, 'hang')).toMatchObject({ code: 'timed_out', triggered_by: 'deadline' });
  const late = await lateBy(taskId);
  expect([late >= 0, late < 2500]).toEqual([true, true]); // the next round of recovery would be seconds away
  await eventually(
    () => Promise.resolve([...reasons, ...events]),
    (found) => found.length === 2,
  );
  expect([reasons, events]).toEqual([['the step was taken away: the deadline of the task passed'], [taskId]]);
  const refused = () => Promise.resolve(said(lines, 'a late outcome was refused'));
  await eventually(refused, (found) => found.length === 1);
});

test('a deadline that another process sets while the engine is idle is met too', async () => {
  const { engine, template } = await started(SHAPE, hang);
  const [row] = await home.database.query<{ id: number }>(
    `select treadle.create_task('test', $1, '{"n": 1}', p_deadline_at => now() + interval '300 ms') as id`,
    [template.name],
  );
  const taskId = row?.id ?? 0;
  expect(await engine.waitForTask(taskId)).toBe('error');
  expect(await lateBy(taskId)).toBeLessThan(2500);
});

test('a deadline that passed while no engine ran is found by the next', async () => {
  const { engine, template } = await started(SHAPE, hang);
  const taskId = await create(engine, template, {
    run_at: new Date(Date.now() + 600_000),
    deadline_at: new Date(Date.now() + 3_600_000),
  });
  await engine.stop();
  await home.database.query('update treadle.deadlines set deadline_at = now() where task_id = $1', [taskId]);
  const { engine: next } = await started({ other: [] }, { other: () => 1 });
  expect(await next.waitForTask(taskId)).toBe('error');
});

test('a task that ends in time never hears of its deadline', async () => {
  const { engine, template } = await started({ quick: [] }, { quick: () => 1 });
  const { state } = await runToEnd(engine, template, { deadline_at: new Date(Date.now() + 60_000) });
  const left = await home.database.query('select from treadle.deadlines');
  expect([state, left]).toEqual(['complete', []]);
});

test('the template sets a deadline, and after a retry the task has none', async () => {
  let runs = 0;
  const works: Works = {
    hang: ({ signal }) => ((runs += 1) === 1 ? untilAborted(signal) : 'done'),
    next: () => 1,
  };
  const template: TaskTemplate = { ...templateOf(SHAPE), deadline_seconds: 0.2 };
  const engine = await startEngine({ database: home.database, templates: [template], works });
  const { taskId, state } = await runToEnd(engine, template);
  await engine.retryTask(taskId, { by: 'test', reason: 'the other side is back' });
  const rows = await home.database.query('select from treadle.deadlines where task_id = $1', [taskId]);
  expect([state, rows, await engine.waitForTask(taskId)]).toEqual(['error', [], 'complete']);
});

test('a bad deadline is refused and creates nothing', async () => {
  const { engine, template } = await started(SHAPE, hang);
  for (const deadline_seconds of [0, -1, Number.NaN, 1e12]) {
    await expect(create(engine, template, { deadline_seconds })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  }
});

test('after all of the above every row keeps the rules of the Rails engine', async () => {
  expect(await violations(home.database)).toEqual([]);
});
