// The servers of queues that tests and benchmarks run for themselves: where the program is, or, where the caller allows it,
// the package of the system that brings it. Nothing is started here.
import { fileURLToPath } from 'node:url';
import { run } from './programs.ts';
import { installed, type Missing, type ToolchainOptions } from './toolchains.ts';

/** `program` is called with the arguments of that server. */
export type Service = { readonly ok: true; readonly program: string; readonly version: string } | Missing;

/** Redis 6.2 and newer. */
export async function redisServer(options: ToolchainOptions = {}): Promise<Service> {
  return find(
    {
      programs: ['redis-server', '/usr/bin/redis-server', '/usr/local/bin/redis-server'],
      version: async (program) => /v=(\S+)/.exec((await run(program, ['--version'])).said)?.[1],
      packages: ['redis-server'],
    },
    options,
  );
}

/** Debian's own script for people insists on the user rabbitmq; the one under it runs as anybody. */
export async function rabbitmqServer(options: ToolchainOptions = {}): Promise<Service> {
  return find(
    {
      programs: [
        '/usr/lib/rabbitmq/bin/rabbitmq-server',
        '/usr/local/sbin/rabbitmq-server',
        'rabbitmq-server',
      ],
      version: async (program) => ((await run('test', ['-x', program])).ok ? 'of the system' : undefined),
      packages: ['rabbitmq-server'],
    },
    options,
  );
}

interface Search {
  readonly programs: readonly string[];
  /** Undefined: it is not there. */
  readonly version: (program: string) => Promise<string | undefined>;
  readonly packages: readonly string[];
}

async function find(search: Search, options: ToolchainOptions): Promise<Service> {
  const found = await first(search);
  if (found) return found;
  const later = (await installed(search.packages, options)) ? await first(search) : undefined;
  const [name] = search.packages;
  const why = `no ${name ?? 'server'} on this machine: on Debian, apt-get install ${search.packages.join(' ')}`;
  return later ?? { ok: false, why };
}

async function first({ programs, version }: Search): Promise<Service | undefined> {
  for (const program of programs) {
    const found = await version(program);
    if (found !== undefined) return { ok: true, program, version: found };
  }
  return undefined;
}

/** `tsx scripts/services.ts` installs what is missing, and says what there is. */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, service] of Object.entries({ redis: redisServer, rabbitmq: rabbitmqServer })) {
    const found = await service({ install: 'packages' });
    console.log(`${name}: ${found.ok ? found.program : found.why}`);
  }
}
