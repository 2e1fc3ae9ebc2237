// Whatever a handler returns, throws or does, and whatever is asked of the engine: one clear error where it belongs, and
// nobody else is harmed. One engine runs all of it, beside a task that has done nothing wrong.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeAll, expect, test } from 'vitest';
import { Engine } from '../../engine/engine.ts';
import type { TaskTemplate } from '../../core/template/template.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import {
  create,
  eventually,
  handlersOf,
  runToEnd,
  Signal,
  startEngine,
  type Work,
  type Works,
} from '../support/engines.ts';
import { stepIdsOf, templateOf } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { statesOfSteps, stepColumns, trailOf } from '../support/trail.ts';

const home = testDatabase();

function nested(levels: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < levels; level += 1) value = [value];
  return value;
}

function thrower(value: () => unknown): Work {
  return () => {
    throw value();
  };
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function circle(): object {
  const round: Record<string, unknown> = {};
  round['self'] = round;
  return round;
}

const unreadable = {
  get message(): string {
    throw new Error('do not look');
  },
  toJSON() {
    throw new Error('do not look');
  },
};

/** What a handler does, the code and the words of the failure. */
const HOSTILE: Readonly<Record<string, readonly [work: Work, code: string, words: RegExp]>> = {
  too_large: [() => 'x'.repeat(5_000_000), 'results_too_large', /at most 4194304 bytes of JSON, got 5000002/],
  bigint: [() => ({ id: 1n }), 'invalid_output', /BigInt/],
  circle: [circle, 'invalid_output', /circular/],
  not_a_number: [() => ({ total: Number.NaN }), 'invalid_output', /"total" is NaN/],
  infinity: [() => Infinity, 'invalid_output', /it is Infinity/],
  function: [() => () => 1, 'invalid_output', /got a function/],
  deep: [() => nested(1_000_000), 'invalid_output', /nested deeper/],
  nul: [() => ({ name: 'a\0b' }), 'invalid_output', /U\+0000/],
  surrogate: [() => '\ud83d', 'invalid_output', /surrogate/],
  to_json: [() => unreadable, 'invalid_output', /do not look/],
  throws_text: [thrower(() => 'boom'), 'handler_error', /^boom was thrown$/],
  throws_nothing: [thrower(() => undefined), 'handler_error', /^undefined was thrown$/],
  throws_circle: [thrower(circle), 'handler_error', /Object/],
  throws_revoked: [thrower(revoked), 'handler_error', /Error/],
  throws_unreadable: [thrower(() => unreadable), 'handler_error', /Object/],
  throws_nul: [thrower(() => new Error('a\0b\ud83d')), 'handler_error', /^a\uFFFDb\uFFFD$/],
  throws_much: [thrower(() => new Error('x'.repeat(5_000_000))), 'handler_error', /^x{8192}$/],
  rejects_late: [
    () => new Promise((_resolve, reject) => setImmediate(reject, revoked())),
    'handler_error',
    /Error/,
  ],
};

const names = Object.keys(HOSTILE);
const fine: Works = { begin: () => ({ n: 1 }), end: ({ sequence }) => sequence.result('begin') };
let engine: Engine;
let template: TaskTemplate;
let bystander: TaskTemplate;

beforeAll(async () => {
  template = templateOf(Object.fromEntries(names.map((name) => [name, []])), {
    each: { default_retry_limit: 1 },
  });
  bystander = templateOf({ begin: [], end: ['begin'] });
  const works = {
    ...fine,
    ...Object.fromEntries(names.map((name) => [name, HOSTILE[name]?.[0] ?? (() => 1)])),
  };
  engine = new Engine({
    database: home.database,
    handlers: handlersOf(works),
    templates: [template, bystander],
  });
  await engine.start();
  return () => engine.stop({ graceSeconds: 0 });
});

test('every hostile handler fails its own step with one clear error, and the others are unharmed', async () => {
  const before = await create(engine, bystander);
  const { taskId, state } = await runToEnd(engine, template);
  const after = await create(engine, bystander);
  expect([state, await engine.waitForTask(before), await engine.waitForTask(after)]).toEqual([
    'error',
    'complete',
    'complete',
  ]);
  for (const [name, id] of Object.entries(await stepIdsOf(home.database, taskId))) {
    const [, code, words] = HOSTILE[name] ?? [];
    const trail = await trailOf(home.database, 'workflow_step', id);
    expect([name, trail.length, trail[1]?.metadata['code']]).toEqual([name, 2, code]);
    const { results } = await stepColumns(home.database, id);
    expect({ name, error: results['error'] }).toEqual({
      name,
      error: expect.stringMatching(words ?? /never/) as string,
    });
  }
});

test('a handler without a timeout that never settles simply runs, and keeps only its own slot', async () => {
  const own = templateOf({ never: [], other: [] });
  const running = new Signal();
  const never = () => {
    running.happen();
    return new Promise(() => {});
  };
  const works = { never, other: () => 1 };
  const patient = await startEngine({ database: home.database, templates: [own], works });
  const taskId = await create(patient, own);
  await running.happened;
  const states = () => statesOfSteps(home.database, taskId);
  await eventually(states, ({ never: runs, other }) => runs === 'in_progress' && other === 'complete');
  expect(patient.stats().running).toBe(1);
});

test('a handler that changes its inputs harms nobody else', async () => {
  const own = templateOf(
    { first: [], vandal: ['first'], heir: ['first'] },
    { each: { default_retry_limit: 2, backoff: { base_seconds: 0 } } },
  );
  const seen: unknown[] = [];
  const vandal: Work = ({ task, sequence, step, config }) => {
    Object.assign(task.context, { order_id: 'gone' });
    Object.assign(sequence.result('first') as object, { n: 'gone' });
    Object.assign(config, { key: 'gone' });
    if (step.attempt === 1) throw new Error('again');
    seen.push(task.context['order_id'], sequence.result('first'));
  };
  const heir: Work = ({ task, sequence }) =>
    void seen.push(task.context['order_id'], sequence.result('first'));
  const works = { first: () => ({ n: 1 }), vandal, heir };
  const other = await startEngine({ database: home.database, templates: [own], works });
  const { taskId } = await runToEnd(other, own);
  expect(seen.filter((value) => value === 1)).toHaveLength(1);
  expect(seen.filter((value) => JSON.stringify(value) === '{"n":1}')).toHaveLength(1);
  const [row] = await home.database.query('select context from tasker_tasks where task_id = $1', [taskId]);
  expect(row).toEqual({ context: { order_id: 1 } });
});

test.each<[string, () => unknown]>([
  ['nothing', () => undefined],
  ['null', () => null],
  ['a list', () => [1]],
  ['a text', () => 'order 7'],
  ['an empty object', () => ({})],
  ['NaN inside', () => ({ n: Number.NaN })],
  ['a circle', circle],
  ['a revoked proxy', revoked],
  ['a revoked proxy inside', () => ({ inside: revoked() })],
  ['a getter that throws', () => ({ unreadable })],
  ['a million levels', () => ({ deep: nested(1_000_000) })],
  ['U+0000', () => ({ name: 'a\0b' })],
  ['half of a surrogate pair', () => ({ name: '\ud83d' })],
  ['an instance of a class', () => ({ at: new Map() })],
])('%s as a context is refused, and no task is created', async (_what, context) => {
  const before = await home.database.query('select task_id from tasker_tasks');
  await expect(create(engine, bystander, { context: context() })).rejects.toMatchObject({
    code: 'invalid_context',
  });
  expect(await home.database.query('select task_id from tasker_tasks')).toEqual(before);
});

const NAMES = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  `it's "quoted" \\ and $1`,
  `'); drop table tasker_tasks; --`,
  '{"a": [1]}',
  '%s %I {0}',
  'größer 😀 名前',
  'line\nbreak and\ttab',
  '\u202Eright to left',
];

test('steps, tasks and namespaces with hostile names run like any others', async () => {
  const base = templateOf({ first: [] });
  const own: TaskTemplate = {
    ...base,
    namespace_name: `na'me"space`,
    name: `'); drop table x; --`,
    step_templates: NAMES.map((name, index) => ({
      ...(base.step_templates[0] ?? { handler_class: '', dependent_system: 'unknown' }),
      name,
      handler_class: 'echo "it"',
      depends_on_steps: index === 0 ? [] : [NAMES[index - 1] ?? ''],
    })) as TaskTemplate['step_templates'],
  };
  const echo = ({ sequence, step }: StepContext) => [
    step.name,
    ...sequence.names().map((name) => sequence.result(name)),
  ];
  const works = { 'echo "it"': echo };
  const other = await startEngine({ database: home.database, templates: [own], works });
  const { taskId, state } = await runToEnd(other, own);
  expect([state, Object.keys(await statesOfSteps(home.database, taskId))]).toEqual(['complete', NAMES]);
});

const deep = (levels: number) => `{"deep": ${'['.repeat(levels)}${']'.repeat(levels)}}`;

test.each([
  ['a million levels', deep(1_000_000), 'database_error'],
  ['U+0000', '{"a": "\\u0000"}', 'database_error'],
  ['a list', '[1]', 'invalid_context'],
  ['an empty object', '{}', 'invalid_context'],
  ['null', null, 'invalid_context'],
])('treadle.create_task refuses %s, and no task is created', async (_what, context, code) => {
  const before = await home.database.query('select task_id from tasker_tasks');
  const asked = home.database.query(`select treadle.create_task('test', $1, $2)`, [bystander.name, context]);
  await expect(asked).rejects.toMatchObject({ code });
  expect(await home.database.query('select task_id from tasker_tasks')).toEqual(before);
});

test('a context as deep as Postgres takes it runs, and so do results that came by complete_step', async () => {
  const own = templateOf({ write: [], read: ['write'] });
  const write = ({ step }: StepContext) =>
    home.database.query('select treadle.complete_step($1, $2)', [step.claim_token, deep(10_000)]);
  const works = { write, read: ({ sequence }: StepContext) => typeof sequence.result('write') };
  const other = await startEngine({ database: home.database, templates: [own], works });
  const asked = home.database.query<{ id: number }>(`select treadle.create_task('test', $1, $2) as id`, [
    own.name,
    deep(10_000),
  ]);
  const [created] = await asked;
  expect(await other.waitForTask(created?.id ?? 0)).toBe('complete');
});

test('a step whose parents gave more than Postgres can hold in one value fails alone', async () => {
  const own = templateOf({ one: [], two: [], sum: ['one', 'two'] });
  const first = await startEngine({
    database: home.database,
    templates: [own],
    works: { one: () => 1, two: () => 1 },
  });
  const taskId = await create(first, own);
  await eventually(
    () => statesOfSteps(home.database, taskId),
    ({ one, two }) => one === 'complete' && two === 'complete',
  );
  await home.database.query(
    `update tasker_workflow_steps set results = to_jsonb(repeat('x', 135000000)) where task_id = $1 and processed`,
    [taskId],
  );
  const works = { ...fine, sum: () => 1 };
  const second = await startEngine({ database: home.database, templates: [own, bystander], works });
  expect(await second.waitForTask(taskId)).toBe('error');
  const { results } = await stepColumns(home.database, (await stepIdsOf(home.database, taskId))['sum'] ?? 0);
  expect(results['error']).toMatch(/at most 256 MB together/);
  expect(await runToEnd(second, bystander)).toMatchObject({ state: 'complete' });
});

async function strayProcess(...more: readonly string[]): Promise<{ status: unknown; output: string }> {
  const own = templateOf({ careless: [], calm: ['careless'] });
  const script = join(import.meta.dirname, '..', 'support', 'stray-process.ts');
  const given = ['--import', 'tsx', script, home.url, JSON.stringify(own), ...more];
  const child = spawn(process.execPath, given, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, errors, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { status: status as unknown, output: output + errors };
}

test('a rejection that a handler left behind is logged with its step, and the process goes on', async () => {
  const { status, output } = await strayProcess();
  expect(status).toBe(0);
  const lines = output.split('\n').filter((line) => line.includes('left behind was rejected'));
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
    expect.objectContaining({ handler: 'careless', error: 'left behind' }),
  ]);
  expect(output).toMatch(/^complete$/m);
});

test('a rejection of the program itself ends the process as ever', async () => {
  const { status, output } = await strayProcess('of the program');
  expect([status, output]).toEqual([1, expect.stringContaining('left behind') as string]);
});

test('after all of the above every row keeps the rules of the Rails engine', async () => {
  expect(await violations(home.database)).toEqual([]);
});
