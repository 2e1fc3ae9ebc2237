// The contract of all languages with handlers that run inside of an engine's process: here, in the process of the test. Those
// that take their process with them have one of their own, which its supervisor starts again.
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { NativeWorker } from '../../bindings/native/native-worker.ts';
import type { NativeLanguage } from '../../bindings/native/load.ts';
import { startTreadle } from '../support/cli.ts';
import { ForeignWorld, type Suite, type SuiteResult } from './foreign-suite.ts';

export interface NativeSuite {
  readonly language: NativeLanguage;
  /** What serves the cases, and what serves those in which the process dies. */
  readonly modules: readonly string[];
  readonly deadly: string;
  /** Python: the virtual environment. */
  readonly environment?: string;
  /** Variables that the handlers need. */
  readonly variables: Readonly<Record<string, string>>;
  readonly suite: Suite;
}

export interface NativeRun {
  readonly world: ForeignWorld;
  readonly result: SuiteResult;
  readonly stop: () => Promise<void>;
}

/** One for the process: an interpreter reads the environment when it starts, and is started once. */
const JOURNAL = join(tmpdir(), `treadle-native-journal-${process.pid}`);

/** Runs the suite to its end. It finds in the environment that the handlers are served (TREADLE_CONTRACT_SERVED). */
export async function runNatively(options: NativeSuite): Promise<NativeRun> {
  const { language, modules, environment, variables, suite } = options;
  writeFileSync(JOURNAL, '');
  const all = { ...variables, TREADLE_CONTRACT_SERVED: '1', TREADLE_CONTRACT_JOURNAL: JOURNAL };
  Object.assign(process.env, all); // before the interpreter starts, which reads them once
  const cleanUp: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const undo of cleanUp.toReversed()) await undo();
    rmSync(JOURNAL, { force: true });
  };
  try {
    const log = pino({ level: 'silent' });
    const worker = await NativeWorker.start({ language, modules, environment, log, logLevel: 'error' });
    cleanUp.push(() => worker.stop());
    const world = await ForeignWorld.start(language);
    cleanUp.push(() => world.stop());
    worker.connect(world.engine);
    const deadly = startDeadly(options, world.home.url, all);
    cleanUp.push(() => (deadly.child.kill('SIGTERM'), deadly.ended));
    await deadly.says('"ready"');
    return { world, result: await world.run(suite), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Without the case whose engine dies, and tells nobody. */
export function eventsHere(events: Record<string, readonly string[]>) {
  return Object.fromEntries(Object.entries(events).filter(([name]) => name !== 'kills_its_process'));
}

function startDeadly(
  { language, deadly, environment }: NativeSuite,
  url: string,
  variables: Readonly<Record<string, string>>,
) {
  const place = environment === undefined ? [] : ['--python-env', environment];
  return startTreadle(['start', `--native-${language}`, deadly, ...place], {
    url,
    env: { ...variables, TREADLE_GRACE_SECONDS: '0' },
  });
}
