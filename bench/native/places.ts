// Where the handlers of the benchmark run: in this process without any addon (TypeScript), in this process by the native
// addon, and in a worker process over gRPC. Each is opened for one kind of work, and carries it there and back.
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { NativeWorker } from '../../bindings/native/native-worker.ts';
import type { StepInvocation } from '../../handlers/step-context.ts';
import { HandlerRegistry } from '../../handlers/registry.ts';
import { runStep } from '../../handlers/step-handler.ts';
import { StepHandler, type StepContext } from '../../index.ts';
import { nativeAddon } from '../../scripts/native-addon.ts';
import { python, ruby } from '../../scripts/toolchains.ts';
import { endlessWork, listenForWorker, type Work } from '../polyglot/bare-engine.ts';
import { Subject } from '../polyglot/subjects.ts';
import type { Carrier } from '../polyglot/trips.ts';

const HERE = import.meta.dirname;
const RUBY = join(HERE, '..', '..', 'bindings', 'ruby');
const MOST_AT_ONCE = 64;
const LARGEST_RESULT = 16 * 1024 * 1024;

export interface Open {
  readonly carrier: Carrier;
  readonly subject: Pick<Subject, 'cpuMs' | 'died'>;
  readonly close: () => Promise<void>;
}

export interface Place {
  readonly name: string;
  readonly language: 'typescript' | 'python' | 'ruby';
  /** The handler that echoes there. */
  readonly echo: string;
  readonly open: (work: Work) => Promise<Open>;
}

/** The same work by the language's own interpreter. */
export interface Plain {
  readonly language: 'python' | 'ruby';
  readonly command: readonly string[];
}

export interface Places {
  readonly places: readonly Place[];
  readonly plains: readonly Plain[];
  readonly missing: readonly string[];
}

const HERE_ALONE: Open['subject'] = {
  cpuMs: () => Promise.resolve(undefined),
  died: new Promise<never>(() => {}),
};

/** What this machine has; addons are built where they are not there. */
export async function placesHere(): Promise<Places> {
  const [forPython, forRuby] = [await pythonPlaces(), await rubyPlaces()];
  return {
    places: [typescript(), ...forPython.places, ...forRuby.places],
    plains: [...forPython.plains, ...forRuby.plains],
    missing: [...forPython.missing, ...forRuby.missing],
  };
}

async function pythonPlaces(): Promise<Places> {
  const found = await python();
  if (!found.ok) return { places: [], plains: [], missing: [found.why] };
  const worker = [found.python, '-m', 'treadle.worker', '--log-level', 'warning', '--app-dir', HERE, 'work'];
  const plains = [{ language: 'python', command: [found.python, join(HERE, 'plain.py')] }] as const;
  const remote = [
    grpcPlace('python', 'def', 'Echo', worker),
    grpcPlace('python', 'async def', 'AsyncEcho', worker),
  ];
  const addon = await nativeAddon('python', { interpreter: found.python, profile: 'release' });
  if (!addon.ok) return { places: remote, plains, missing: [addon.why] };
  const options = {
    language: 'python',
    modules: ['work'],
    environment: dirname(dirname(found.python)),
  } as const;
  const local = [nativePlace(options, 'def', 'Echo'), nativePlace(options, 'async def', 'AsyncEcho')];
  return { places: [...local, ...remote], plains, missing: [] };
}

async function rubyPlaces(): Promise<Places> {
  const found = await ruby();
  if (!found.ok) return { places: [], plains: [], missing: [found.why] };
  const file = join(HERE, 'work.rb');
  const program = [found.ruby, '-I', join(RUBY, 'lib')];
  const worker = [...program, join(RUBY, 'exe', 'treadle-worker'), '-r', file, '--log-level', 'warn'];
  const plains = [{ language: 'ruby', command: [...program, join(HERE, 'plain.rb')] }] as const;
  const remote = grpcPlace('ruby', '', 'Echo', worker);
  const addon = await nativeAddon('ruby', { interpreter: found.ruby, profile: 'release' });
  if (!addon.ok) return { places: [remote], plains, missing: [addon.why] };
  process.env['RUBYLIB'] = join(RUBY, 'lib'); // read by the interpreter when it starts
  return {
    places: [nativePlace({ language: 'ruby', modules: [file] }, '', 'Echo'), remote],
    plains,
    missing: [],
  };
}

type NativeOptions = Pick<Parameters<typeof NativeWorker.start>[0], 'language' | 'modules' | 'environment'>;

function nativePlace(options: NativeOptions, way: string, echo: string): Place {
  const { language } = options;
  const open = async (work: Work): Promise<Open> => {
    const log = pino({ level: 'silent' });
    const worker = await NativeWorker.start({
      ...options,
      concurrency: MOST_AT_ONCE,
      maxResultBytes: LARGEST_RESULT,
      directory: HERE,
      log,
    });
    const carrier = await new Promise<Carrier>((welcome) => {
      worker.connect({ connect: (link) => endlessWork(link, welcome, work) });
    });
    return { carrier, subject: HERE_ALONE, close: () => worker.stop() };
  };
  return { name: ['native', language, way].join(' ').trim(), language, echo, open };
}

function grpcPlace(language: Place['language'], way: string, echo: string, worker: readonly string[]): Place {
  const open = async (work: Work): Promise<Open> => {
    const listening = await listenForWorker(work);
    const subject = Subject.worker(
      { name: language, worker, echo: [], environment: {} },
      listening.address,
      MOST_AT_ONCE,
    );
    const carrier = await Promise.race([listening.connected, subject.died]);
    const close = async (): Promise<void> => {
      await subject.end('SIGKILL');
      listening.stop();
    };
    return { carrier, subject, close };
  };
  return { name: ['gRPC', language, way].join(' ').trim(), language, echo, open };
}

class Echo extends StepHandler {
  process({ task }: StepContext): unknown {
    return task.context;
  }
}

class OneMillisecond extends StepHandler {
  process({ task }: StepContext): unknown {
    const until = performance.now() + 1;
    while (performance.now() < until);
    return task.context;
  }
}

function typescript(): Place {
  const registry = new HandlerRegistry([Echo, OneMillisecond]);
  const open = async (work: Work): Promise<Open> => {
    const handler = registry.get(work.handler);
    const carrier: Carrier = {
      send: (place) => {
        // a handler that waits for nothing would never let the loop turn
        void runStep(handler, invocation(work)).then(() => setImmediate(() => carrier.onBack(place)));
      },
      onBack: () => {},
    };
    return { carrier, subject: HERE_ALONE, close: () => Promise.resolve() };
  };
  return { name: 'TypeScript, in process', language: 'typescript', echo: 'Echo', open };
}

function invocation({ handler, context }: Work): StepInvocation {
  return {
    handler,
    task: {
      task_id: 1,
      namespace_name: 'bench',
      name: 'native',
      version: '1.0.0',
      context,
      initiator: null,
      source_system: null,
      reason: null,
      tags: [],
      requested_at: new Date(0),
    },
    step: { workflow_step_id: 1, name: 'step', attempt: 1, retry_limit: 3, inputs: null, results: null },
    parent_results: {},
    handler_config: {},
    log: pino({ level: 'silent' }),
    emit: () => {},
    isHeard: () => false,
  };
}
