// A fleet of both engines on one connection, for laws: two named tasks, workers of Treadle that claim and end steps, and a Rails engine
// with a queue of jobs, that starts pending tasks only and runs steps that are ready and pending. Whoever begins a step that runs or
// is done, or of a task of the other engine, is noted as a violation.
import { TreadleError } from '../../core/errors.ts';
import type { Executor } from '../../sql/database.ts';
import type { ClaimedStep } from '../../sql/delivery.ts';
import {
  chooseEngine,
  forgetChoice,
  moveTasks,
  takeTasksForRails,
  type FleetEngine,
} from '../../sql/fleet.ts';
import { inSavepoint } from '../../sql/savepoint.ts';
import { claimSteps } from '../../sql/steps.ts';
import { createTasks, settleChangedTasks, startTasks } from '../../sql/tasks.ts';
import {
  createdWorld,
  failed,
  completed,
  record,
  stepIdsOf,
  uniqueName,
  writeAsRails,
  type World,
} from './factories.ts';
import { ann, subjectOf } from './fleets.ts';
import { sweep } from './sweeping.ts';

const NAMESPACE = 'test';
const ENOUGH = 1000;

export class FleetHistory {
  readonly violations: string[] = [];
  readonly #db: Executor;
  readonly #worlds: readonly World[];
  readonly #subjects: readonly string[];
  readonly #choices = new Map<string, FleetEngine>();
  readonly #tasks = new Map<number, World>();
  #claims: ClaimedStep[] = [];
  /** Jobs of Rails that wait, and tasks that it has in progress. */
  #jobs: number[] = [];
  readonly #begun = new Set<number>();
  readonly #running = new Set<number>();
  readonly #done = new Set<number>();

  private constructor(db: Executor, worlds: readonly World[], subjects: readonly string[]) {
    this.#db = db;
    this.#worlds = worlds;
    this.#subjects = subjects;
    for (const world of worlds) this.#tasks.set(world.taskId, world);
  }

  static async begin(db: Executor): Promise<FleetHistory> {
    const handler = uniqueName('handler');
    const shape = { a: [], b: ['a'], c: ['a'] };
    const worlds = [];
    for (let n = 0; n < 2; n += 1)
      worlds.push(
        await createdWorld(db, shape, { each: { handler_class: handler, default_retry_limit: 100 } }),
      );
    const history = new FleetHistory(db, worlds, await Promise.all(worlds.map(subjectOf)));
    await history.choose(NAMESPACE, 'treadle');
    return history;
  }

  /** `which`: the first or the second named task, or else their namespace. */
  subject(which: number): string {
    return this.#subjects[which] ?? NAMESPACE;
  }

  async choose(subject: string, engine: FleetEngine): Promise<void> {
    await chooseEngine(this.#db, { subject, engine }, ann);
    this.#choices.set(subject, engine);
  }

  async forget(subject: string): Promise<void> {
    if (subject === NAMESPACE) return; // without any choice Rails may start what Treadle runs
    await forgetChoice(this.#db, subject);
    this.#choices.delete(subject);
  }

  async create(which: number): Promise<void> {
    const world = this.#worlds[which] ?? this.#worlds[0];
    if (world === undefined) return;
    const row = { identity_hash: uniqueName('identity'), context: { order_id: 1 } };
    const [task] = await createTasks(this.#db, world.namedTaskId, [row], { enqueued: true });
    if (task)
      this.#tasks.set(task.task_id, {
        ...world,
        taskId: task.task_id,
        stepIds: await stepIdsOf(this.#db, task.task_id),
      });
  }

  /** A queue brings all tasks, whoever runs them. */
  async wake(): Promise<void> {
    await settleChangedTasks(this.#db, ENOUGH);
    await startTasks(this.#db, [...this.#tasks.keys()]);
  }

  async sweep(): Promise<void> {
    await sweep(this.#db);
  }

  async claim(capacity: number): Promise<void> {
    for (const world of this.#worlds) {
      const steps = await claimSteps(
        this.#db,
        world.worker,
        [...new Set([world.handler, await handlerOf(world)])],
        capacity,
      );
      for (const step of steps) this.#begins(step.workflow_step_id, step.task_id, 'treadle');
      this.#claims.push(...steps);
    }
  }

  async end(count: number, fails: boolean): Promise<void> {
    for (const { task_id, workflow_step_id, step_name } of this.#claims.splice(0, count)) {
      const world = this.#tasks.get(task_id);
      if (world === undefined) continue;
      const worker = await this.#workerOf(world, workflow_step_id);
      await record(worker, fails ? failed(world, step_name, 0) : completed(world, step_name));
      this.#ends(workflow_step_id, !fails);
      if (fails) await this.#longAgo(workflow_step_id);
    }
  }

  async move(limit: number): Promise<void> {
    await moveTasks(this.#db, limit);
  }

  async drain(limit: number): Promise<void> {
    this.#jobs.push(...(await takeTasksForRails(this.#db, limit)).map(({ task_id }) => task_id));
  }

  /** A worker of Rails takes a job; it may be late, or one too many. */
  async startInRails(): Promise<void> {
    const taskId = this.#jobs.shift();
    if (taskId === undefined || (await this.#stateOf(taskId)) !== 'pending') return;
    try {
      await inSavepoint(this.#db, () => writeAsRails(this.#db, 'task', taskId, 'in_progress'));
      this.#begun.add(taskId);
      if (this.#engineOf(taskId) === 'treadle')
        this.violations.push(`Rails has started task ${taskId}, which is ours`);
    } catch (error) {
      if (!(error instanceof TreadleError) || error.code !== 'unlawful_transition') throw error;
    }
  }

  /** The worker of Rails runs so many steps of one of its tasks; when none is ready it decides about the task. */
  async runInRails(steps: number): Promise<void> {
    const [taskId] = this.#begun;
    if (taskId === undefined) return;
    for (let n = 0; n < steps; n += 1) {
      const [ready] = await this.#db.query<{ id: number }>(
        `select workflow_step_id as id from get_step_readiness_status($1)
         where ready_for_execution and current_state = 'pending' order by 1 limit 1`,
        [taskId],
      );
      if (ready === undefined) return this.#finishInRails(taskId);
      await this.#runStepInRails(taskId, ready.id);
    }
  }

  async #runStepInRails(taskId: number, stepId: number): Promise<void> {
    this.#begins(stepId, taskId, 'rails');
    await writeAsRails(this.#db, 'workflow_step', stepId, 'in_progress');
    await this.#db.query(
      'update tasker_workflow_steps set attempts = coalesce(attempts, 0) + 1, processed = true where workflow_step_id = $1',
      [stepId],
    );
    await writeAsRails(this.#db, 'workflow_step', stepId, 'complete');
    this.#ends(stepId, true);
  }

  async #finishInRails(taskId: number): Promise<void> {
    this.#begun.delete(taskId);
    const [context] = await this.#db.query<{ status: string }>(
      'select execution_status as status from get_task_execution_context($1)',
      [taskId],
    );
    if (context?.status === 'all_complete') {
      await this.#db.query('update tasker_tasks set complete = true where task_id = $1', [taskId]);
      return writeAsRails(this.#db, 'task', taskId, 'complete');
    }
    await writeAsRails(this.#db, 'task', taskId, 'pending');
    this.#jobs.push(taskId); // ActiveJob tries again
  }

  /** Both engines go on until nothing happens any more. Returns how many tasks are not complete. */
  async toTheEnd(): Promise<number> {
    for (let round = 0; round < 30; round += 1) {
      await this.move(100);
      await this.wake();
      await this.claim(100);
      await this.end(100, false);
      await this.drain(100);
      while (this.#jobs.length > 0 && round % 2 === 0) await this.startInRails();
      for (let n = this.#begun.size; n > 0; n -= 1) await this.runInRails(100);
    }
    const [left] = await this.#db.query<{ count: number }>(
      'select count(*) from tasker_tasks where task_id = any ($1) and not complete',
      [[...this.#tasks.keys()]],
    );
    return left?.count ?? 0;
  }

  #begins(stepId: number, taskId: number, engine: FleetEngine): void {
    const where = `step ${stepId} of task ${taskId}, by ${engine}`;
    if (this.#running.has(stepId)) this.violations.push(`it runs already: ${where}`);
    if (this.#done.has(stepId)) this.violations.push(`it is done already: ${where}`);
    // what Rails has begun it may end, whatever is chosen meanwhile
    if (engine === 'treadle' && this.#engineOf(taskId) !== 'treadle')
      this.violations.push(`it is not ours: ${where}`);
    if (engine === 'treadle' && this.#begun.has(taskId)) this.violations.push(`Rails may be at it: ${where}`);
    this.#running.add(stepId);
  }

  #ends(stepId: number, done: boolean): void {
    this.#running.delete(stepId);
    if (done) this.#done.add(stepId);
  }

  #engineOf(taskId: number): FleetEngine | undefined {
    const named = this.#tasks.get(taskId)?.namedTaskId;
    const which = this.#worlds.findIndex(({ namedTaskId }) => namedTaskId === named);
    return this.#choices.get(this.subject(which)) ?? this.#choices.get(NAMESPACE);
  }

  /** The functions of Rails ask for the time at which this transaction began. */
  async #longAgo(stepId: number): Promise<void> {
    await this.#db.query(
      `update tasker_workflow_steps set last_attempted_at = last_attempted_at - interval '1 hour' where workflow_step_id = $1`,
      [stepId],
    );
  }

  async #stateOf(taskId: number): Promise<string> {
    const [row] = await this.#db.query<{ state: string }>(
      'select to_state as state from tasker_task_transitions where task_id = $1 and most_recent',
      [taskId],
    );
    return row?.state ?? 'pending';
  }

  /** Steps of one handler may have been claimed by the worker of the other named task. */
  async #workerOf(world: World, stepId: number): Promise<World> {
    const [claim] = await this.#db.query<{ worker_id: number; epoch: number }>(
      'select worker_id, epoch from treadle.claims where workflow_step_id = $1',
      [stepId],
    );
    return claim === undefined ? world : { ...world, worker: claim };
  }
}

async function handlerOf({ db, namedTaskId }: World): Promise<string> {
  const [row] = await db.query<{ handler: string }>(
    'select handler from treadle.step_definitions where named_task_id = $1 limit 1',
    [namedTaskId],
  );
  return row?.handler ?? '';
}
