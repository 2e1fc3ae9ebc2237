// The suite of a package in another language, run by its own runner against an engine of ours with the templates of the
// contract. The runner registers nothing and sees the engine as an application does: by gRPC, and by SQL.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Engine } from '../../engine/engine.ts';
import { GrpcServer } from '../../bindings/grpc/server.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { casesOf, CONTRACT_FOLDER, type Language } from './contract-case.ts';
import { templateOfCase } from './contract-templates.ts';
import { SubjectEvents } from './subject-events.ts';

export interface Suite {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** A line that says what failed. */
  readonly isFailure: RegExp;
}

export interface SuiteResult {
  readonly status: number | null;
  readonly lines: readonly string[];
  readonly failures: readonly string[];
}

/** An engine on a fresh database that workers in other languages can reach. The caller stops it. */
export class ForeignWorld {
  readonly home: TestDatabase;
  readonly events: SubjectEvents;
  readonly engine: Engine;
  readonly #server: GrpcServer;
  #target = '';

  private constructor(home: TestDatabase, language: Language) {
    this.home = home;
    const templates = casesOf(language).map(templateOfCase);
    this.engine = new Engine({ database: home.database, templates, concurrency: 200 });
    this.#server = new GrpcServer({ engine: this.engine, database: home.database, listen: ['127.0.0.1:0'] });
    this.events = new SubjectEvents(this.engine);
  }

  static async start(language: Language): Promise<ForeignWorld> {
    const world = new ForeignWorld(await createTestDatabase(), language);
    await world.engine.start();
    [world.#target = ''] = await world.#server.start();
    return world;
  }

  async stop(): Promise<void> {
    await this.#server.stop({ graceSeconds: 0 });
    await this.engine.stop({ graceSeconds: 0 });
    await this.home.drop();
  }

  /** Runs a suite to its end; what fails is said at once, one line each. */
  async run({ program, args, cwd, isFailure }: Suite): Promise<SuiteResult> {
    const lines: string[] = [];
    const child = spawn(program, args, { cwd, env: this.#environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    for (const output of [child.stdout, child.stderr]) {
      createInterface(output).on('line', (line) => {
        lines.push(line);
        if (isFailure.test(line)) process.stderr.write(`${line}\n`);
      });
    }
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { status, lines, failures: lines.filter((line) => isFailure.test(line)) };
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      TREADLE_TARGET: this.#target,
      DATABASE_URL: this.home.url,
      TREADLE_CONTRACT: CONTRACT_FOLDER,
    };
  }
}

/** What the engine published of the subjects, by the name of their case. */
export async function eventsByCase({
  home,
  events,
}: ForeignWorld): Promise<Record<string, readonly string[]>> {
  const rows = await home.database.query<{ name: string; task_id: number }>(
    `select name, max(task_id) as task_id
     from public.tasker_tasks
     join public.tasker_named_tasks using (named_task_id)
     where source_system = 'parity'
     group by name`,
  );
  return Object.fromEntries(rows.map(({ name, task_id }) => [name, events.of(task_id)]));
}

export function expectedEvents(language: Language): Record<string, readonly string[]> {
  return Object.fromEntries(casesOf(language).map(({ name, expect }) => [name, expect.events]));
}

/** `all tests pass`, or what failed and the last that the runner said. */
export function verdictOf({ status, failures, lines }: SuiteResult): string {
  if (status === 0 && failures.length === 0) return 'all tests pass';
  return [`it ended with ${status}`, ...failures, '', ...lines.slice(-100)].join('\n');
}

/** A toolchain that is not there: under CI=true that is a failure, elsewhere the caller skips. */
export function reasonToSkip(toolchain: { ok: true } | { ok: false; why: string }): string | undefined {
  if (toolchain.ok) return undefined;
  if (process.env['CI'] === 'true') throw new Error(toolchain.why);
  process.stderr.write(`skipped: ${toolchain.why}\n`);
  return toolchain.why;
}
