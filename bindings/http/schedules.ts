// /schedules: tasks that begin by themselves, which the Rails engine does not have. A schedule is addressed by its name; the slash in that of
// a template's schedule (`shop/report`) is written %2F.
import { z } from 'zod';
import { MISSED_POLICIES } from '../../core/schedule/schedule.ts';
import { isStorableText } from '../../core/template/text.ts';
import { DEFAULTS } from '../../core/vocabulary.ts';
import { listSchedules, type ListedSchedule } from '../../sql/schedules.ts';
import { endpoint, type AnyEndpoint, type Call } from './endpoint.ts';
import { notFound } from './problem.ts';
import { schedule, task } from './shapes.ts';
import { shownTask } from './tasks.ts';

const one = z.object({ schedule });
const path = z.object({ name: z.string().refine(isStorableText) });
const listQuery = z.object({ namespace: z.string().optional() });

/** What it means is checked by the engine, as for all schedules. */
const newSchedule = z.object({
  schedule: z.strictObject(
    {
      task_name: z.string().min(1),
      namespace: z.string().min(1).exactOptional(),
      version: z.string().min(1).exactOptional().describe('without one each tick takes the latest'),
      cron: z.string().describe('five fields, six with seconds first, or a word such as @hourly'),
      timezone: z.string().exactOptional().describe('IANA name; UTC when left out'),
      name: z.string().exactOptional().describe('of the schedule; that of the task when left out'),
      context: z.record(z.string(), z.json()).describe('of each of its tasks'),
      missed: z.enum(MISSED_POLICIES).exactOptional().describe('what becomes of ticks while no engine runs'),
      backfill_limit: z.int().exactOptional(),
      starts_at: z.iso.datetime({ offset: true }).exactOptional(),
      ends_at: z.iso.datetime({ offset: true }).exactOptional(),
      initiator: z.string().exactOptional(),
      source_system: z.string().exactOptional(),
      reason: z.string().exactOptional(),
      tags: z.array(z.string()).exactOptional(),
      bypass_steps: z.array(z.string()).exactOptional(),
      deadline_seconds: z.number().exactOptional(),
    },
    'expected task_name, cron and context',
  ),
});
const change = z.object({
  schedule: z.strictObject({ paused: z.boolean(), reason: z.string().optional() }, 'expected paused'),
});

type Named<Body = unknown> = Call<z.infer<typeof path>, unknown, Body>;

/** What lies outside of the caller's namespaces is answered as if it were not there. */
async function found({
  caller,
  db,
  params,
}: Pick<Named, 'caller' | 'db' | 'params'>): Promise<ListedSchedule> {
  const [listed] = await listSchedules(db, params.name);
  if (listed !== undefined && caller.sees(listed.namespace_name)) return listed;
  throw notFound(`there is no schedule ${params.name}`);
}

function shown({ namespace_name: namespace, labels, ...listed }: ListedSchedule): object {
  return { ...listed, namespace, ...labels };
}

async function list({
  caller,
  db,
  query,
}: Call<unknown, z.infer<typeof listQuery>, unknown>): Promise<object> {
  const wanted = ({ namespace_name }: ListedSchedule) =>
    caller.sees(namespace_name) && (query.namespace ?? namespace_name) === namespace_name;
  return { schedules: (await listSchedules(db)).filter(wanted).map(shown) };
}

async function create({
  caller,
  engine,
  body,
}: Call<unknown, unknown, z.infer<typeof newSchedule>>): Promise<object> {
  const { namespace = DEFAULTS.namespace_name, ...rest } = body.schedule;
  caller.requireNamespace(namespace);
  const request = { ...rest, namespace_name: namespace };
  return { schedule: shown(await engine.schedules.add(request, { by: caller.name })) };
}

async function update(call: Named<z.infer<typeof change>>): Promise<object> {
  const { name } = await found(call);
  const { paused, reason } = call.body.schedule;
  const { schedules } = call.engine;
  await (paused ? schedules.pause(name, { by: call.caller.name, reason }) : schedules.resume(name));
  return { schedule: shown(await schedules.find(name)) };
}

async function remove(call: Named): Promise<object> {
  const { name } = await found(call);
  await call.engine.schedules.remove(name);
  return { removed: true };
}

const changing = (method: 'patch' | 'put'): AnyEndpoint =>
  endpoint({
    method,
    path: '/schedules/{name}',
    permission: 'tasker.schedule:update',
    summary: 'Pause a schedule, or let it go on',
    params: path,
    body: change,
    answer: one,
    run: update,
  });

export const scheduleEndpoints: readonly AnyEndpoint[] = [
  endpoint({
    method: 'get',
    path: '/schedules',
    permission: 'tasker.schedule:index',
    summary: 'All schedules, by name',
    query: listQuery,
    answer: z.object({ schedules: z.array(schedule) }),
    run: list,
  }),
  endpoint({
    method: 'post',
    path: '/schedules',
    permission: 'tasker.schedule:create',
    summary: 'Make tasks whenever a cron expression says so',
    body: newSchedule,
    answer: one,
    status: 201,
    run: create,
  }),
  endpoint({
    method: 'get',
    path: '/schedules/{name}',
    permission: 'tasker.schedule:show',
    summary: 'One schedule',
    params: path,
    answer: one,
    run: async (call: Named) => ({ schedule: shown(await found(call)) }),
  }),
  changing('patch'),
  changing('put'),
  endpoint({
    method: 'delete',
    path: '/schedules/{name}',
    permission: 'tasker.schedule:destroy',
    summary: 'Remove a schedule; its tasks stay',
    params: path,
    answer: z.object({ removed: z.literal(true) }),
    run: remove,
  }),
  endpoint({
    method: 'post',
    path: '/schedules/{name}/run',
    permission: 'tasker.schedule:run',
    summary: 'Make a task of a schedule now, out of turn',
    params: path,
    answer: z.object({ task }),
    status: 201,
    run: async (call: Named) => {
      const { name } = await found(call);
      const { task_id } = await call.engine.schedules.run(name);
      return shownTask(call, task_id);
    },
  }),
];
