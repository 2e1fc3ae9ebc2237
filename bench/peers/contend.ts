// One contender at one work, in a process of its own: they keep timers, change globals and fill caches, and none shall bear what
// another left behind. argv: name, work, workflows, URL. Answers with one message to its parent.
import { cpuMilliseconds } from '../cpu.ts';
import { timed } from '../measure.ts';
import { STEPS, type About, type Contender, type Work } from './contender.ts';
import { FIELD } from './field.ts';
import { serverOf, type Server } from './servers.ts';

export interface Answer {
  readonly about: About;
  /** Undefined when it cannot express the work. */
  readonly ran?: Ran;
}

export interface Ran {
  readonly create_ms: number;
  readonly run_ms: number;
  readonly node_cpu_ms: number;
  /** Null where the system does not tell. */
  readonly server_cpu_ms: number | null;
}

async function contend(contender: Contender, work: Work, workflows: number, url: string): Promise<Answer> {
  const { about } = contender;
  if (about.ways[work] === undefined) return { about };
  let steps = 0;
  const entry = await contender.enter({ url }, work, () => (steps += 1));
  const server = serverOf(url);
  const created = await timed(() => entry.create(workflows));
  await server.analyze();
  const run = await measured(server, () => entry.run(workflows));
  const recorded = await entry.recorded();
  const expected = workflows * STEPS[work];
  if (steps !== expected || (recorded ?? expected) !== expected)
    throw new Error(`expected ${expected} steps, ${steps} ran and ${recorded} are recorded`);
  await server.close();
  await entry.leave();
  return { about, ran: { create_ms: created.ms, ...run } };
}

async function measured(server: Server, work: () => Promise<void>): Promise<Omit<Ran, 'create_ms'>> {
  const before = { node: cpuMilliseconds(), server: await server.cpu() };
  const { ms } = await timed(work);
  const after = { node: cpuMilliseconds(), server: await server.cpu() };
  return {
    run_ms: ms,
    node_cpu_ms: after.node - before.node,
    server_cpu_ms: difference(after.server, before.server),
  };
}

function difference(later: number | undefined, earlier: number | undefined): number | null {
  return later === undefined || earlier === undefined ? null : later - earlier;
}

const [, , name = '', work = '', workflows = '', url = ''] = process.argv;
const starter = FIELD.find((one) => one.name === name);
if (!starter) throw new Error(`nobody in the field is called ${name}`);
const answer = await contend(await starter.load(), work as Work, Number(workflows), url);
if (process.send) process.send(answer, () => process.exit());
else console.log(JSON.stringify(answer));
