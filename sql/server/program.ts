// Runs a program of the Postgres distribution: no shell, a clean environment, and as another user when we are root
// (Postgres refuses uid 0). What the program complained about becomes the message of the error.
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The operating system user that owns a cluster and runs its server. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** Where the three programs of one distribution are, and which version they are of. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  /** As the server says it, for example `18.4`. */
  readonly version: string;
}

const NOBODY = 65534;

/**
 * Who runs the server: undefined means ourselves. As root it is the owner of `directory`, so that `sudo npm run demo`
 * and `npm run demo` share one cluster, else `nobody`, who exists everywhere and needs no change to the system.
 */
export function serverUser(directory: string): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const { uid } = statSync(directory);
  const users = passwd();
  // initdb looks its user up, so an owner unknown to this system (a bind mount) is no candidate.
  return (
    users.find((user) => user.uid === uid && uid !== 0) ??
    users.find((user) => user.name === 'nobody') ?? { uid: NOBODY, gid: NOBODY }
  );
}

function passwd(): (ServerUser & { name: string })[] {
  let text: string;
  try {
    text = readFileSync('/etc/passwd', 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    const [name = '', , uid, gid] = line.split(':');
    // macOS writes nobody as -2
    return name && uid && gid ? [{ name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }] : [];
  });
}

/** Our environment without PGDATA, PGPORT and friends, which would bend what we ask for. Messages in English, time in UTC. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  return { ...Object.fromEntries(inherited), LC_ALL: 'C', TZ: 'UTC' };
}

/** Runs a program to its end and returns what it printed. Rejects with its own words when it fails. */
export function run(program: string, args: readonly string[], user?: ServerUser): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: dirname(program), env: serverEnvironment(), ...user };
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(stderr.trim() || error.message, { cause: error }));
      else resolve(stdout);
    });
  });
}

/** The version that `postgres --version` prints. Fails as the server would: unreachable, not executable, library missing. */
export async function probeVersion(postgres: string, user?: ServerUser): Promise<string> {
  const line = await run(postgres, ['--version'], user);
  const version = /(\d+(?:\.\d+|beta\d+|rc\d+|devel)?)/.exec(line)?.[1];
  if (version === undefined) throw new Error(`${postgres} --version printed "${line.trim()}" and no version`);
  return version;
}
