// A Rails-style application in Ruby beside an engine of ours: the engine's database has a task in every state that there is, and
// Ruby suites look at it, and write to it, with treadle/rails.
import { join } from 'node:path';
import { PermanentError, RetryableError } from '../../core/errors.ts';
import { parseTemplate, type TaskTemplate } from '../../core/template/template.ts';
import { Engine } from '../../engine/engine.ts';
import type { TaskRequest } from '../../engine/task-requests.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import { run, type Ran } from '../../scripts/programs.ts';
import type { Executor } from '../../sql/database.ts';
import { eventually, handlersOf, untilAborted } from '../support/engines.ts';
import { stepIdsOf } from '../support/factories.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { statesOfSteps } from '../support/trail.ts';

const GEM = join(import.meta.dirname, '..', '..', 'bindings', 'ruby');
const A_DAY_MS = 86_400_000;
const NAME = 'rails_order';

/** What an application needs to find the tasks that the suites ask for, by what became of them. */
type Cast = Readonly<Record<string, number>>;

/** validate -> reserve, charge -> ship; `charge` does what the context says. */
function template(version: string): TaskTemplate {
  const steps = { validate: [], reserve: ['validate'], charge: ['validate'], ship: ['reserve', 'charge'] };
  return parseTemplate({
    namespace_name: 'shop',
    name: NAME,
    version,
    step_templates: Object.entries(steps).map(([name, depends_on_steps]) => ({
      name,
      handler_class: name,
      depends_on_steps,
      skippable: name === 'reserve',
    })),
  });
}

async function charge({ task, signal }: StepContext): Promise<unknown> {
  switch (task.context['charge']) {
    case 'fail':
      throw new PermanentError('the card is stolen', { errorCode: 'stolen' });
    case 'wait':
      throw new RetryableError('the bank is closed', { retryAfter: 3600 });
    case 'hold':
      return untilAborted(signal);
    default:
      return { charged: true };
  }
}

export class RailsApp {
  readonly home: TestDatabase;
  readonly engine: Engine;
  #cast: Cast = {};

  private constructor(home: TestDatabase) {
    this.home = home;
    const quick = () => ({ done: true });
    this.engine = new Engine({
      database: home.database,
      templates: ['0.9.0', '0.10.0'].map(template),
      handlers: handlersOf({ validate: quick, reserve: quick, charge, ship: quick }),
      concurrency: 50,
    });
  }

  /** The caller stops it. */
  static async start(): Promise<RailsApp> {
    const app = new RailsApp(await createTestDatabase());
    await app.engine.start();
    app.#cast = await app.#play();
    return app;
  }

  async stop(): Promise<void> {
    await this.engine.stop({ graceSeconds: 0 });
    await this.home.drop();
  }

  /** A task of the template; more of it by `request`. */
  async create(deed: string, request: Partial<TaskRequest> = {}): Promise<number> {
    const context = { charge: deed };
    return (await this.engine.createTask({ namespace_name: 'shop', name: NAME, context, ...request }))
      .task_id;
  }

  /** Ordinary tasks, many at once. */
  async createMany(count: number): Promise<readonly number[]> {
    const request = { namespace_name: 'shop', name: NAME, context: { charge: 'yes' }, source_system: 'load' };
    const created = await this.engine.createTasks(Array.from({ length: count }, () => request));
    return created.map(({ task_id }) => task_id);
  }

  /** Runs suites of bindings/ruby/test/rails with minitest, in one process, to their end. */
  suite(ruby: string, ...names: readonly string[]): Promise<Ran> {
    const files = names.map((name) => join(GEM, 'test', 'rails', `${name}_suite.rb`));
    const load = [
      '-I',
      join(GEM, 'lib'),
      '-e',
      'ARGV.shift.split(",").each { |file| require file }',
      files.join(),
    ];
    return run(ruby, ['-W:no-deprecated', ...load], {
      DATABASE_URL: this.home.url,
      TREADLE_CAST: JSON.stringify(this.#cast),
      TZ: 'America/New_York', // UTC is nobody's luck
    });
  }

  async #play(): Promise<Cast> {
    const db = this.home.database;
    const complete = await this.create('yes', { initiator: 'alice', tags: ['first'] });
    const old_version = await this.create('yes', { version: '0.9.0' });
    const bypassed = await this.create('yes', { bypass_steps: ['reserve'] });
    const later = await this.create('yes', { run_at: new Date(Date.now() + A_DAY_MS) });
    const [failed, resolved, helped] = [
      await this.create('fail'),
      await this.create('fail'),
      await this.create('fail'),
    ];
    const [waiting, holding, cancelled] = [
      await this.create('wait'),
      await this.create('hold'),
      await this.create('hold'),
    ];
    for (const taskId of [complete, old_version, bypassed, failed, resolved, helped])
      await this.engine.waitForTask(taskId);
    for (const taskId of [holding, cancelled]) await stepReaches(db, taskId, 'in_progress');
    await stepReaches(db, waiting, 'error');
    await this.engine.cancelTask(cancelled, { by: 'bob', reason: 'no longer wanted' });
    await this.engine.resolveTask(resolved, { by: 'bob' });
    await this.engine.resolveStep((await stepIdsOf(db, helped))['charge'] ?? 0, {
      by: 'bob',
      results: { paid: 'cash' },
    });
    await this.engine.waitForTask(helped);
    return { complete, old_version, bypassed, later, failed, resolved, helped, waiting, holding, cancelled };
  }
}

async function stepReaches(db: Executor, taskId: number, state: string): Promise<void> {
  await eventually(
    () => statesOfSteps(db, taskId),
    (states) => states['charge'] === state,
  );
}
